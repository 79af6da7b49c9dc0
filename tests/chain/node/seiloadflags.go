package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"
)

// seiloadShort are the letters of sei-load's flags; it has no other.
var seiloadShort = map[byte]string{
	'b': "buffer-size", 'c': "config", 'h': "help", 'n': "nodes", 's': "stats-interval", 't': "tps",
}

// seiloadOptions are sei-load's flags with its defaults. Those of them that a profile can set too are its settings.
type seiloadOptions struct {
	flags    *flag.FlagSet
	given    []seiloadGiven
	config   string
	metrics  string
	duration time.Duration
	nodes    int
	help     bool
	settings seiloadSettings
}

type seiloadGiven struct{ name, value string }

func newSeiloadOptions() *seiloadOptions {
	o := &seiloadOptions{flags: flag.NewFlagSet("chain seiload", flag.ContinueOnError)}
	s := &o.settings
	o.flags.BoolVar(&o.help, "help", false, "say this")
	o.flags.StringVar(&o.config, "config", "", "profile, JSON; needed")
	o.flags.StringVar(&o.metrics, "metricsListenAddr", "0.0.0.0:9090", "address of /metrics; empty for none")
	o.flags.DurationVar(&o.duration, "duration", 0, "how long to send; 0 until SIGTERM")
	o.flags.IntVar(&o.nodes, "nodes", 0, "only so many of the endpoints; 0 for all")
	o.flags.Float64Var(&s.TPS, "tps", 0, "transactions a second; 0 is no cap")
	o.flags.BoolVar(&s.DryRun, "dry-run", false, "count transactions and send none")
	o.flags.BoolVar(&s.TrackBlocks, "track-blocks", false, "connect to the first endpoint's WebSocket")
	o.flags.BoolVar(&s.TrackReceipts, "track-receipts", false, "the same, unless the run is dry")
	o.flags.BoolVar(&s.RampUp, "ramp-up", false, "the same, and the rate has a cap")
	o.durationVar(&s.PostSummaryFlushDelay, "post-summary-flush-delay", 25*time.Second, "how long to stay after the summary")
	o.flags.IntVar(&s.MaxInFlight, "max-in-flight", 10_000, "must be above 0")
	o.ignored()
	return o
}

// ignored are the flags that mean nothing to a stand-in.
func (o *seiloadOptions) ignored() {
	const nothing = "does nothing here"
	s := &o.settings
	o.durationVar(&s.StatsInterval, "stats-interval", 10*time.Second, nothing)
	o.durationVar(&s.InclusionReapAfter, "inclusion-reap-after", 30*time.Second, nothing)
	o.flags.IntVar(&s.BufferSize, "buffer-size", 1000, nothing)
	o.flags.BoolVar(&s.Debug, "debug", false, nothing)
	o.flags.BoolVar(&s.TrackUserLatency, "track-user-latency", false, nothing)
	o.flags.BoolVar(&s.Prewarm, "prewarm", false, nothing)
	o.flags.StringVar(&s.ReportPath, "report-path", "", nothing)
	o.flags.StringVar(&s.TxsDir, "txs-dir", "", nothing)
	o.flags.Uint64Var(&s.TargetGas, "target-gas", 10_000_000, nothing)
	o.flags.IntVar(&s.NumBlocksToWrite, "num-blocks-to-write", 100, nothing)
	o.flags.StringVar(&s.ArrivalModel, "arrival-model", "closed_loop", nothing)
}

func (o *seiloadOptions) durationVar(of *seiloadDuration, name string, usual time.Duration, usage string) {
	o.flags.DurationVar((*time.Duration)(of), name, usual, usage)
}

// parse reads arguments as sei-load does, which is not how Go's own package does: a long flag has two dashes, a letter has one, and
// what is no flag is let pass wherever it stands.
func (o *seiloadOptions) parse(arguments []string) error {
	for len(arguments) > 0 {
		argument := arguments[0]
		arguments = arguments[1:]
		if argument == "--" {
			break
		}
		if !strings.HasPrefix(argument, "-") || argument == "-" {
			continue
		}
		name, value, has, err := splitSeiload(argument)
		if err != nil {
			return err
		}
		known := o.flags.Lookup(name)
		if known == nil {
			return fmt.Errorf("unknown flag: %s", argument)
		}
		if _, isBool := known.Value.(interface{ IsBoolFlag() bool }); !has && isBool {
			value, has = "true", true
		}
		if !has {
			if len(arguments) == 0 {
				return fmt.Errorf("flag needs a value: %s", argument)
			}
			value, arguments = arguments[0], arguments[1:]
		}
		if err := o.flags.Set(name, value); err != nil {
			return fmt.Errorf("%s: %w", argument, err)
		}
		o.given = append(o.given, seiloadGiven{name, value})
	}
	return o.complete()
}

func (o *seiloadOptions) complete() error {
	if o.help {
		return flag.ErrHelp
	}
	for _, given := range o.given {
		if given.name == "config" {
			return nil
		}
	}
	return errors.New("--config is needed")
}

// splitSeiload takes --name, --name=value, -n, -nvalue and -n=value apart.
func splitSeiload(argument string) (name, value string, has bool, err error) {
	if long, isLong := strings.CutPrefix(argument, "--"); isLong {
		name, value, has = strings.Cut(long, "=")
		return name, value, has, nil
	}
	name, known := seiloadShort[argument[1]]
	if !known {
		return "", "", false, fmt.Errorf("unknown letter %q in %s", argument[1], argument)
	}
	if len(argument) == 2 || name == "help" {
		return name, "", false, nil
	}
	return name, strings.TrimPrefix(argument[2:], "="), true, nil
}

// resolve lays a profile's settings over the defaults, and the flags that were given over both. A setting that is 0, "" or false is
// none, so that the default stands.
func (o *seiloadOptions) resolve(settings *seiloadSettings) error {
	resolved := newSeiloadOptions()
	to, from := reflect.ValueOf(&resolved.settings).Elem(), reflect.ValueOf(settings).Elem()
	for i := range from.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	for _, given := range o.given {
		if err := resolved.flags.Set(given.name, given.value); err != nil {
			return err
		}
	}
	o.settings = resolved.settings
	if o.settings.MaxInFlight <= 0 {
		return fmt.Errorf("%d transactions in flight are not enough", o.settings.MaxInFlight)
	}
	return nil
}

func (o *seiloadOptions) usage() {
	fmt.Fprintln(os.Stderr, "chain seiload --config FILE [flags]")
	o.flags.VisitAll(func(known *flag.Flag) {
		fmt.Fprintf(os.Stderr, "  --%s (%s): %s\n", known.Name, known.DefValue, known.Usage)
	})
}
