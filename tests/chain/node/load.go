package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	followInterval = 200 * time.Millisecond
	// sweepTime is what transactions sent last get to be included.
	sweepTime = 5 * time.Second
)

type loadOptions struct {
	rate        float64
	minIncluded int
	unreachable time.Duration
	metrics     string
	exitCode    int
	exitOnShard int
	exitAfter   float64
	rejectAfter float64
	flush       time.Duration
	untilSignal bool
}

func loadFlags(options *loadOptions) *flag.FlagSet {
	flags := flag.NewFlagSet("chain load", flag.ContinueOnError)
	flags.Float64Var(&options.rate, "rate", 5, "transactions a second")
	flags.IntVar(&options.minIncluded, "min-included", 1, "fewer included transactions are a failed assertion: exit 1")
	flags.DurationVar(&options.unreachable, "unreachable-after", 30*time.Second,
		"RPC that did not answer for so long is an infrastructure failure: exit 2")
	flags.StringVar(&options.metrics, "metrics", ":9100", "address of /metrics; empty for none")
	flags.IntVar(&options.exitCode, "exit-code", -1, "fault: exit with this code whatever happened")
	flags.IntVar(&options.exitOnShard, "exit-on-shard", -1, "fault: --exit-code and --exit-after for this shard alone")
	flags.Float64Var(&options.exitAfter, "exit-after", -1, "fault: end after so many seconds, not after DURATION_SECONDS")
	flags.Float64Var(&options.rejectAfter, "reject-after", -1,
		"fault: after so many seconds send transactions that the chain rejects; the exit code does not tell")
	flags.BoolVar(&options.untilSignal, "until-signal", false,
		"run until SIGTERM, then look for what is not included yet and exit as after DURATION_SECONDS")
	flags.DurationVar(&options.flush, "flush", 0, "fault: how long to live on after SIGTERM, as a slow flush does")
	return flags
}

// loadEnvironment is the part of a workload's environment that the generator reads.
type loadEnvironment struct {
	rpc, chainID, runID  string
	resultDir, configDir string
	shard, shards        int
	duration             time.Duration
}

func readEnvironment(get func(string) string) (loadEnvironment, error) {
	read := loadEnvironment{
		rpc: get("CHAIN_RPC_URL"), chainID: get("CHAIN_ID"), runID: get("RUN_ID"),
		resultDir: get("RESULT_DIR"), configDir: get("CONFIG_DIR"),
	}
	if read.rpc == "" {
		return read, fmt.Errorf("CHAIN_RPC_URL is empty")
	}
	seconds, err := strconv.Atoi(get("DURATION_SECONDS"))
	if err != nil || seconds < 1 {
		return read, fmt.Errorf("DURATION_SECONDS is %q, a positive number of seconds is needed", get("DURATION_SECONDS"))
	}
	read.duration = time.Duration(seconds) * time.Second
	if read.shard, err = strconv.Atoi(get("SHARD_INDEX")); err != nil {
		return read, fmt.Errorf("SHARD_INDEX is %q, a number is needed", get("SHARD_INDEX"))
	}
	if read.shards, err = strconv.Atoi(get("SHARD_COUNT")); err != nil || read.shard >= read.shards {
		return read, fmt.Errorf("SHARD_COUNT is %q, a number above SHARD_INDEX is needed", get("SHARD_COUNT"))
	}
	return read, nil
}

func loadVerb(ctx context.Context, arguments []string) int {
	var options loadOptions
	if code, ok := parse(loadFlags(&options), arguments); !ok {
		return code
	}
	if options.rate <= 0 {
		logf("--rate: a positive number is needed")
		return exitInfrastructure
	}
	environment, err := readEnvironment(os.Getenv)
	if err != nil {
		logf("environment: %v", err)
		return exitInfrastructure
	}
	return newLoad(&options, &environment).run(ctx)
}

// load is one shard's run.
type load struct {
	options     *loadOptions
	environment *loadEnvironment
	client      *rpcClient
	metrics     *loadMetrics
	report      loadReport
	began       time.Time
	pending     map[string]bool
	height      int64
}

func newLoad(options *loadOptions, environment *loadEnvironment) *load {
	now := time.Now()
	return &load{
		options: options, environment: environment, began: now,
		client:  newRPCClient(environment.rpc, now),
		metrics: newLoadMetrics(environment),
		report:  newLoadReport(environment),
		pending: map[string]bool{},
	}
}

func (l *load) run(ctx context.Context) int {
	if l.options.metrics != "" {
		if err := l.metrics.serve(l.options.metrics); err != nil {
			return l.finish(exitInfrastructure, "metrics: "+err.Error())
		}
	}
	code, outcome := l.driveToEnd(ctx)
	if ctx.Err() != nil {
		time.Sleep(l.options.flush)
		if !l.options.untilSignal {
			return l.finish(exitTerminated, "terminated")
		}
	}
	if l.options.exitCode >= 0 && l.faulty() {
		code, outcome = l.options.exitCode, "exit code as asked"
	}
	return l.finish(code, outcome)
}

func (l *load) faulty() bool {
	return l.options.exitOnShard < 0 || l.options.exitOnShard == l.environment.shard
}

// driveToEnd takes SIGTERM for the end of the time with --until-signal, and goes on asking the chain after it.
func (l *load) driveToEnd(ctx context.Context) (int, string) {
	if l.options.untilSignal {
		return l.drive(context.WithoutCancel(ctx), ctx.Done())
	}
	return l.drive(ctx, nil)
}

func (l *load) length() time.Duration {
	if l.options.exitAfter >= 0 && l.faulty() {
		return time.Duration(l.options.exitAfter * float64(time.Second))
	}
	if l.options.untilSignal {
		return math.MaxInt64
	}
	return l.environment.duration
}

// drive sends until the time is over, or the signal came, then waits for what is not included yet.
func (l *load) drive(ctx context.Context, signalled <-chan struct{}) (int, string) {
	send := time.NewTicker(time.Duration(float64(time.Second) / l.options.rate))
	defer send.Stop()
	follow := time.NewTicker(followInterval)
	defer follow.Stop()
	end := time.NewTimer(l.length())
	defer end.Stop()
	for sending := true; sending; {
		select {
		case <-ctx.Done():
			return exitTerminated, "terminated"
		case <-end.C:
			sending = false
		case <-signalled:
			sending = false
		case <-send.C:
			l.send(ctx)
		case <-follow.C:
			l.follow(ctx)
		}
		if silent := time.Since(l.client.answered); silent > l.options.unreachable {
			return exitInfrastructure, fmt.Sprintf("RPC silent for %s: %v", silent.Round(time.Second), l.client.failure)
		}
	}
	if l.options.exitCode < 0 || !l.faulty() {
		l.sweep(ctx, follow.C)
	}
	return l.judge()
}

func (l *load) sweep(ctx context.Context, tick <-chan time.Time) {
	deadline := time.Now().Add(sweepTime)
	for len(l.pending) > 0 && time.Now().Before(deadline) && ctx.Err() == nil {
		l.follow(ctx)
		select {
		case <-ctx.Done():
		case <-tick:
		}
	}
}

func (l *load) judge() (int, string) {
	if l.client.failure != nil {
		return exitInfrastructure, fmt.Sprintf("RPC unreachable at the end: %v", l.client.failure)
	}
	if l.report.Included < l.options.minIncluded {
		return exitFailed, fmt.Sprintf("%d included, at least %d wanted", l.report.Included, l.options.minIncluded)
	}
	return exitPassed, "passed"
}

func (l *load) send(ctx context.Context) {
	key := fmt.Sprintf("%s-%d-%d", plain(l.environment.runID), l.environment.shard, l.report.Sent)
	transaction := key + "=" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if after := l.options.rejectAfter; after >= 0 && time.Since(l.began).Seconds() >= after {
		// The key-value store accepts exactly one separator.
		transaction += "=rejected"
	}
	accepted, err := l.client.send(ctx, []byte(transaction))
	l.report.Sent++
	l.metrics.sent.Inc()
	switch {
	case err != nil:
		l.report.Errors++
		l.metrics.errors.Inc()
	case accepted:
		l.pending[transaction] = true
	default:
		l.report.Rejected++
		l.metrics.rejected.Inc()
	}
}

// follow looks into each new block once. It starts at the height it meets first: what is sent later is included later.
func (l *load) follow(ctx context.Context) {
	height, err := l.client.height(ctx)
	if err != nil {
		return
	}
	if l.height == 0 {
		l.height, l.report.FirstHeight = max(height-1, 0), height
	}
	for l.height < height {
		transactions, err := l.client.transactions(ctx, l.height+1)
		if err != nil {
			return
		}
		l.height++
		l.report.LastHeight = l.height
		for _, transaction := range transactions {
			if l.pending[string(transaction)] {
				delete(l.pending, string(transaction))
				l.report.Included++
				l.metrics.included.Inc()
			}
		}
	}
}

func (l *load) finish(code int, outcome string) int {
	l.report.ExitCode, l.report.Outcome = code, outcome
	l.report.Pending = len(l.pending)
	l.report.Seconds = time.Since(l.began).Seconds()
	if err := l.report.write(l.environment.resultDir); err != nil {
		logf("report: %v", err)
		if code == exitPassed {
			code = exitInfrastructure
		}
	}
	logf("shard %d of %d: %s; sent %d, included %d, rejected %d, errors %d", l.environment.shard, l.environment.shards,
		outcome, l.report.Sent, l.report.Included, l.report.Rejected, l.report.Errors)
	return code
}

// plain keeps the separators of the key-value store out of a key.
func plain(text string) string {
	return strings.NewReplacer("=", "-", ":", "-").Replace("load-" + text)
}
