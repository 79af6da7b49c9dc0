package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cometbft/cometbft/config"
	cmtflags "github.com/cometbft/cometbft/libs/cli/flags"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"
)

const (
	dialInterval = 500 * time.Millisecond
	stopGrace    = 2 * time.Second
)

type nodeOptions struct {
	name, genesis, home, role  string
	rpc, p2p, metrics, evm, ws string
	evmProgram                 string
	metricsNamespace, logLevel string
	peers                      values
	timeoutCommit              time.Duration
	haltHeight                 int64
	noServe                    bool
	crashAfter                 time.Duration
}

func nodeFlags(options *nodeOptions) *flag.FlagSet {
	flags := flag.NewFlagSet("chain node", flag.ContinueOnError)
	flags.StringVar(&options.name, "name", "", "name of this node; its keys follow from it and the chain id")
	flags.StringVar(&options.genesis, "genesis", "", "file that `chain genesis` printed")
	flags.StringVar(&options.home, "home", "", "folder for data; must be writable")
	flags.StringVar(&options.role, "role", "full", "validator or full")
	flags.StringVar(&options.rpc, "rpc", "0.0.0.0:26657", "address of the Tendermint RPC")
	flags.StringVar(&options.p2p, "p2p", "0.0.0.0:26656", "address for other nodes")
	flags.StringVar(&options.metrics, "metrics", "0.0.0.0:26660", "address of /metrics")
	flags.StringVar(&options.evm, "evm", "0.0.0.0:8545", "address of the EVM JSON-RPC; full nodes only")
	flags.StringVar(&options.ws, "evm-ws", "0.0.0.0:8546", "address of the EVM's WebSocket; full nodes only")
	flags.StringVar(&options.evmProgram, "evm-program", "",
		"program that serves both in the place of the stand-in, as `evm node` does; its blocks follow this node's")
	flags.StringVar(&options.metricsNamespace, "metrics-namespace", "cometbft", "first word of the metric names")
	flags.StringVar(&options.logLevel, "log-level", "error", "error, info or debug")
	flags.Var(&options.peers, "peer", "NAME=HOST:PORT of another node; once for each; the host need not resolve yet")
	flags.DurationVar(&options.timeoutCommit, "timeout-commit", 500*time.Millisecond, "pause between blocks")
	flags.Int64Var(&options.haltHeight, "halt-height", 0,
		"last block: transactions are still accepted and RPC answers, nothing is included any more; 0 is never")
	flags.BoolVar(&options.noServe, "no-serve", false, "live on, listen nowhere, do nothing")
	flags.DurationVar(&options.crashAfter, "crash-after", 0, "end with 1 so long after the start; 0 is never")
	return flags
}

func nodeVerb(ctx context.Context, arguments []string) int {
	var options nodeOptions
	if code, ok := parse(nodeFlags(&options), arguments); !ok {
		return code
	}
	if options.crashAfter > 0 {
		time.AfterFunc(options.crashAfter, func() {
			logf("%s: crashed, as asked", options.name)
			os.Exit(exitFailed)
		})
	}
	if options.noServe {
		logf("%s: alive, serving nothing, as asked", options.name)
		<-ctx.Done()
		return exitPassed
	}
	if err := runNode(ctx, &options); err != nil {
		logf("%s: %v", options.name, err)
		return exitInfrastructure
	}
	return exitPassed
}

func runNode(ctx context.Context, options *nodeOptions) error {
	// CometBFT wakes up ten thousand times a second; without other processors to hand the work to that costs half as much.
	runtime.GOMAXPROCS(1)
	genesis, err := types.GenesisDocFromFile(options.genesis)
	if err != nil {
		return err
	}
	settings := nodeConfig(options)
	for _, folder := range []string{settings.DBDir(), filepath.Dir(settings.PrivValidatorStateFile())} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	logger, err := cmtflags.ParseLogLevel(options.logLevel, log.NewTMLogger(os.Stderr), "error")
	if err != nil {
		return err
	}
	app, err := newApplication(settings.DBDir(), options.haltHeight)
	if err != nil {
		return err
	}
	running, err := node.NewNode(
		settings,
		signer(settings, genesis.ChainID, options),
		nodeKey(genesis.ChainID, options.name),
		// A mutex a connection: a halted block must not keep the mempool from accepting transactions.
		proxy.NewConnSyncLocalClientCreator(app),
		func() (*types.GenesisDoc, error) { return genesis, nil },
		config.DefaultDBProvider,
		node.DefaultMetricsProvider(settings.Instrumentation),
		logger,
	)
	if err != nil {
		return err
	}
	if err := running.Start(); err != nil {
		return err
	}
	logf("%s: %s of chain %s, rpc %s", options.name, options.role, genesis.ChainID, options.rpc)
	go dialPeers(ctx, running.Switch(), genesis.ChainID, options.name, options.peers)
	failed := make(chan error, 2)
	if options.role == "full" {
		startEVM(ctx, options, running, failed)
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopNode(running)
	return err
}

// startEVM serves what has an address; whatever ends before the context is told to `failed`.
func startEVM(ctx context.Context, options *nodeOptions, running *node.Node, failed chan<- error) {
	if options.evmProgram != "" {
		if options.evm != "" || options.ws != "" {
			go func() { failed <- runEVMProgram(ctx, options) }()
		}
		return
	}
	if options.evm != "" {
		go func() { failed <- serveEVM(ctx, options.evm, running) }()
	}
	if options.ws != "" {
		go func() { failed <- serveWebSocket(ctx, options.ws, running) }()
	}
}

// stopNode does not wait for a node that is halted inside a block.
func stopNode(running *node.Node) {
	stopped := make(chan struct{})
	go func() {
		_ = running.Stop()
		running.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(stopGrace):
	}
}

func nodeConfig(options *nodeOptions) *config.Config {
	settings := config.DefaultConfig()
	settings.SetRoot(options.home)
	settings.Moniker = options.name
	settings.RPC.ListenAddress = "tcp://" + options.rpc
	settings.P2P.ListenAddress = "tcp://" + options.p2p
	settings.P2P.AddrBookStrict = false
	settings.P2P.AllowDuplicateIP = true
	settings.P2P.PexReactor = false
	settings.Consensus.TimeoutCommit = options.timeoutCommit
	settings.Consensus.TimeoutPropose = 2 * time.Second
	settings.Instrumentation.Prometheus = true
	settings.Instrumentation.PrometheusListenAddr = options.metrics
	settings.Instrumentation.Namespace = options.metricsNamespace
	return settings
}

// signer keeps what was signed last in the data folder, so that a restarted validator never signs twice.
func signer(settings *config.Config, chainID string, options *nodeOptions) types.PrivValidator {
	name := options.name
	if options.role != "validator" {
		name += "\x00observer"
	}
	keyFile, stateFile := settings.PrivValidatorKeyFile(), settings.PrivValidatorStateFile()
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o700); err != nil {
		logf("%s: %v", options.name, err)
	}
	made := privval.NewFilePV(validatorKey(chainID, name), keyFile, stateFile)
	if _, err := os.Stat(stateFile); err == nil {
		made.Key.Save()
		return privval.LoadFilePV(keyFile, stateFile)
	}
	made.Save()
	return made
}

// dialPeers keeps every peer connected. CometBFT itself resolves a name once, at start, and forgets a peer whose name
// does not resolve yet; here pods come up in any order and change their address when they restart.
func dialPeers(ctx context.Context, network *p2p.Switch, chainID, own string, peers []string) {
	ticker := time.NewTicker(dialInterval)
	defer ticker.Stop()
	for {
		for _, peer := range peers {
			if err := dialPeer(network, chainID, own, peer); err != nil {
				network.Logger.Debug("peer", "peer", peer, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func dialPeer(network *p2p.Switch, chainID, own, peer string) error {
	name, host, found := strings.Cut(peer, "=")
	if !found {
		return fmt.Errorf("a peer is NAME=HOST:PORT, got %q", peer)
	}
	id := nodeKey(chainID, name).ID()
	if name == own || network.Peers().Has(id) {
		return nil
	}
	address, err := p2p.NewNetAddressString(p2p.IDAddressString(id, host))
	if err != nil {
		return err
	}
	return network.DialPeerWithAddress(address)
}
