package main

import (
	"context"
	"crypto/ecdsa"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
)

const (
	callTimeout = 5 * time.Second
	// sweepTime is what transactions sent last get to be included.
	sweepTime = 5 * time.Second
)

type loadOptions struct {
	rate        float64
	minIncluded int
	unreachable time.Duration
	metrics     string
	fault       string
	faultAfter  float64
}

func loadFlags(options *loadOptions) *flag.FlagSet {
	flags := flag.NewFlagSet("evm load", flag.ContinueOnError)
	flags.Float64Var(&options.rate, "rate", 5, "transactions a second")
	flags.IntVar(&options.minIncluded, "min-included", 1, "fewer included transactions are a failed assertion: exit 1")
	flags.DurationVar(&options.unreachable, "unreachable-after", 30*time.Second,
		"JSON-RPC that did not answer for so long is an infrastructure failure: exit 2")
	flags.StringVar(&options.metrics, "metrics", ":9100", "address of /metrics; empty for none")
	flags.StringVar(&options.fault, "fault", "",
		"what is wrong with the transactions: nonce (too low), funds (none) or tip (none) are rejected, "+
			"fee (below the base fee) is accepted and never included")
	flags.Float64Var(&options.faultAfter, "fault-after", 0, "seconds until --fault begins")
	return flags
}

// loadEnvironment is the part of a workload's environment that the generator reads.
type loadEnvironment struct {
	evm, ws, chainID, runID, resultDir string
	shard, shards                      int
	duration                           time.Duration
}

func readEnvironment(get func(string) string) (loadEnvironment, error) {
	read := loadEnvironment{
		evm: get("CHAIN_EVM_URL"), ws: get("CHAIN_WS_URL"), chainID: get("CHAIN_ID"), runID: get("RUN_ID"),
		resultDir: get("RESULT_DIR"),
	}
	for _, name := range []string{"CHAIN_EVM_URL", "CHAIN_WS_URL"} {
		if get(name) == "" {
			return read, fmt.Errorf("%s is empty", name)
		}
	}
	seconds, err := strconv.Atoi(get("DURATION_SECONDS"))
	if err != nil || seconds < 1 {
		return read, fmt.Errorf("DURATION_SECONDS is %q, a positive number of seconds is needed", get("DURATION_SECONDS"))
	}
	read.duration = time.Duration(seconds) * time.Second
	read.shard, err = strconv.Atoi(get("SHARD_INDEX"))
	if err != nil || read.shard < 0 || read.shard >= fundedAccounts {
		return read, fmt.Errorf("SHARD_INDEX is %q, a number below %d is needed", get("SHARD_INDEX"), fundedAccounts)
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
	if _, ok := faults[options.fault]; !ok || options.rate <= 0 {
		logf("--rate must be positive, and --fault one of nonce, funds, tip, fee")
		return exitInfrastructure
	}
	environment, err := readEnvironment(os.Getenv)
	if err != nil {
		logf("environment: %v", err)
		return exitInfrastructure
	}
	return newLoad(&options, &environment).run(ctx)
}

// load is one shard's run. Each shard has an account of its own, so that no nonce is taken twice.
type load struct {
	options     *loadOptions
	environment *loadEnvironment
	key         *ecdsa.PrivateKey
	signer      types.Signer
	client      *ethclient.Client
	heads       chan *types.Header
	watched     ethereum.Subscription
	metrics     *loadMetrics
	report      loadReport
	began       time.Time
	answered    time.Time
	failure     error
	nonce       uint64
	// lost says that the nonce is not known: a transaction got no answer.
	lost    bool
	pending map[common.Hash]bool
}

func newLoad(options *loadOptions, environment *loadEnvironment) *load {
	now := time.Now()
	return &load{
		options: options, environment: environment, began: now, answered: now,
		key: funded(environment.shard), heads: make(chan *types.Header, 16), lost: true,
		metrics: newLoadMetrics(environment), report: newLoadReport(environment), pending: map[common.Hash]bool{},
	}
}

func (l *load) run(ctx context.Context) int {
	if l.options.metrics != "" {
		if err := l.metrics.serve(l.options.metrics); err != nil {
			return l.finish(exitInfrastructure, "metrics: "+err.Error())
		}
	}
	if err := l.connect(ctx); err != nil {
		if ctx.Err() != nil {
			return l.finish(exitTerminated, "terminated")
		}
		return l.finish(exitInfrastructure, "EVM unreachable: "+err.Error())
	}
	defer l.watched.Unsubscribe()
	return l.finish(l.drive(ctx))
}

// connect tries again, because a node that has just started may not answer yet.
func (l *load) connect(ctx context.Context) error {
	for {
		err := l.tryToConnect(ctx)
		if err == nil || time.Since(l.began) > l.options.unreachable {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (l *load) tryToConnect(ctx context.Context) error {
	short, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	client, err := ethclient.DialContext(short, l.environment.evm)
	if err != nil {
		return err
	}
	id, err := client.ChainID(short)
	if err != nil {
		return err
	}
	socket, err := ethclient.DialContext(short, l.environment.ws)
	if err != nil {
		return err
	}
	// It outlives the time for a call.
	if l.watched, err = socket.SubscribeNewHead(ctx, l.heads); err != nil {
		return err
	}
	l.client, l.signer, l.answered = client, types.LatestSignerForChainID(id), time.Now()
	return nil
}

// drive sends until the time is over, then waits for what is not included yet.
func (l *load) drive(ctx context.Context) (int, string) {
	send := time.NewTicker(time.Duration(float64(time.Second) / l.options.rate))
	defer send.Stop()
	end := time.After(l.environment.duration - time.Since(l.began))
	var over <-chan time.Time
	sending := send.C
	for {
		select {
		case <-ctx.Done():
			return exitTerminated, "terminated"
		case err := <-l.watched.Err():
			return exitInfrastructure, fmt.Sprintf("the WebSocket ended: %v", err)
		case <-end:
			sending, over = nil, time.After(sweepTime)
		case <-over:
			return l.judge()
		case <-sending:
			l.send(ctx)
		case head := <-l.heads:
			l.follow(ctx, head)
		}
		if silent := time.Since(l.answered); l.failure != nil && silent > l.options.unreachable {
			return exitInfrastructure, fmt.Sprintf("JSON-RPC silent for %s: %v", silent.Round(time.Second), l.failure)
		}
		if sending == nil && len(l.pending) == 0 {
			return l.judge()
		}
	}
}

func (l *load) judge() (int, string) {
	if l.failure != nil {
		return exitInfrastructure, fmt.Sprintf("JSON-RPC unreachable at the end: %v", l.failure)
	}
	if l.report.Included < l.options.minIncluded {
		return exitFailed, fmt.Sprintf("%d included, at least %d wanted", l.report.Included, l.options.minIncluded)
	}
	return exitPassed, "passed"
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
	logf("shard %d of %d: %s; sent %d, accepted %d, included %d, reverted %d, rejected %d, errors %d, heads %d",
		l.environment.shard, l.environment.shards, outcome, l.report.Sent, l.report.Accepted, l.report.Included,
		l.report.Reverted, l.report.Rejected, l.report.Errors, l.report.Heads)
	return code
}
