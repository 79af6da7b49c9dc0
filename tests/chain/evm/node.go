package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/rpc"
)

const (
	// blockInterval is the shortest time between two blocks whose times, in whole seconds, must differ.
	blockInterval = time.Second
	askTimeout    = 2 * time.Second
	// cacheMegabytes is plenty for a state of a hundred accounts; the defaults are for the main net.
	cacheMegabytes = 8
)

type nodeOptions struct {
	http, ws, follow, home string
	withParent             bool
}

func nodeVerb(ctx context.Context, arguments []string) int {
	var options nodeOptions
	flags := flag.NewFlagSet("evm node", flag.ContinueOnError)
	flags.StringVar(&options.http, "http", "127.0.0.1:8545", "address of JSON-RPC; empty for none")
	flags.StringVar(&options.ws, "ws", "127.0.0.1:8546", "address of WebSocket; empty for none")
	flags.StringVar(&options.follow, "follow", "",
		"Tendermint RPC, such as http://127.0.0.1:26657: there is a block here only while there are new ones there")
	flags.StringVar(&options.home, "home", "", "folder for what it cannot hold in memory; empty for a temporary one")
	flags.BoolVar(&options.withParent, "with-parent", false, "end when standard input does")
	if code, ok := parse(flags, arguments); !ok {
		return code
	}
	if options.withParent {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	if err := runNode(ctx, &options); err != nil {
		logf("evm: %v", err)
		return exitInfrastructure
	}
	return exitPassed
}

func runNode(ctx context.Context, options *nodeOptions) error {
	settings, err := nodeConfig(options)
	if err != nil {
		return err
	}
	stack, err := node.New(settings)
	if err != nil {
		return err
	}
	defer func() { _ = stack.Close() }()
	chain, err := eth.New(stack, chainConfig())
	if err != nil {
		return err
	}
	looks := filters.NewFilterSystem(chain.APIBackend, filters.Config{})
	stack.RegisterAPIs([]rpc.API{{Namespace: "eth", Service: filters.NewFilterAPI(looks)}})
	if err := stack.Start(); err != nil {
		return err
	}
	// Without a period it makes a block when it is told to.
	beacon, err := catalyst.NewSimulatedBeacon(0, common.Address{}, chain)
	if err != nil {
		return err
	}
	logf("evm: chain %d, http %s, ws %s", chainID, options.http, options.ws)
	makeBlocks(ctx, options.follow, func() { beacon.Commit() })
	return nil
}

func nodeConfig(options *nodeOptions) (*node.Config, error) {
	settings := node.DefaultConfig
	settings.Name = "evm"
	// In memory, all but an empty folder for keys.
	settings.DataDir, settings.KeyStoreDir = "", options.home
	settings.P2P = p2p.Config{NoDiscovery: true, NoDial: true}
	modules := []string{"eth", "net", "web3"}
	settings.HTTPModules, settings.WSModules = modules, modules
	// In a cluster it is called by other names than localhost.
	settings.HTTPVirtualHosts, settings.WSOrigins = []string{"*"}, []string{"*"}
	var err error
	if settings.HTTPHost, settings.HTTPPort, err = hostPort(options.http); err != nil {
		return nil, err
	}
	settings.WSHost, settings.WSPort, err = hostPort(options.ws)
	return &settings, err
}

func hostPort(address string) (string, int, error) {
	if address == "" {
		return "", 0, nil
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.Atoi(text)
	return host, port, err
}

func chainConfig() *ethconfig.Config {
	genesis := core.DeveloperGenesisBlock(ethconfig.Defaults.Miner.GasCeil, nil)
	genesis.Config.ChainID = big.NewInt(chainID)
	maps.Copy(genesis.Alloc, genesisFunds())
	settings := ethconfig.Defaults
	settings.Genesis = genesis
	settings.SyncMode = ethconfig.FullSync
	settings.DatabaseCache = cacheMegabytes
	settings.TrieCleanCache, settings.TrieDirtyCache, settings.SnapshotCache = cacheMegabytes, cacheMegabytes, cacheMegabytes
	settings.TxPool.NoLocals = true
	settings.LogNoHistory = true
	return &settings
}

// makeBlocks makes one a second at most, so that their times are true, and none while the chain that it follows stands
// still or does not answer.
func makeBlocks(ctx context.Context, followed string, seal func()) {
	ticker := time.NewTicker(blockInterval)
	defer ticker.Stop()
	client := http.Client{Timeout: askTimeout}
	var last int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if followed == "" {
			seal()
			continue
		}
		if height, err := heightOf(ctx, &client, followed); err == nil && height > last {
			last = height
			seal()
		}
	}
}

func heightOf(ctx context.Context, client *http.Client, url string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/status", nil)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Result struct {
			SyncInfo struct {
				Height string `json:"latest_block_height"`
			} `json:"sync_info"`
		} `json:"result"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("status: %w", err)
	}
	return strconv.ParseInt(answer.Result.SyncInfo.Height, 10, 64)
}
