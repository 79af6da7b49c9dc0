package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/types"
)

// values is a flag that may be given several times.
type values []string

func (v *values) String() string     { return strings.Join(*v, ",") }
func (v *values) Set(s string) error { *v = append(*v, s); return nil }

// deriveKey makes a key from public names: every node can compute every other node's id, so that no Secret and no
// exchange of keys is needed. Such keys protect nothing.
func deriveKey(chainID, name, purpose string) ed25519.PrivKey {
	seed := sha256.Sum256([]byte(chainID + "\x00" + name + "\x00" + purpose))
	return ed25519.GenPrivKeyFromSecret(seed[:])
}

func nodeKey(chainID, name string) *p2p.NodeKey {
	return &p2p.NodeKey{PrivKey: deriveKey(chainID, name, "node")}
}

func validatorKey(chainID, name string) ed25519.PrivKey {
	return deriveKey(chainID, name, "validator")
}

func makeGenesis(chainID string, validators []string, at time.Time) (*types.GenesisDoc, error) {
	genesis := &types.GenesisDoc{
		ChainID:         chainID,
		GenesisTime:     at,
		InitialHeight:   1,
		ConsensusParams: types.DefaultConsensusParams(),
	}
	for _, name := range validators {
		key := validatorKey(chainID, name).PubKey()
		genesis.Validators = append(genesis.Validators, types.GenesisValidator{
			Address: key.Address(), PubKey: key, Power: 10, Name: name,
		})
	}
	return genesis, genesis.ValidateAndComplete()
}

func genesisVerb(_ context.Context, arguments []string) int {
	flags := flag.NewFlagSet("chain genesis", flag.ContinueOnError)
	chainID := flags.String("chain-id", "", "chain id")
	at := flags.String("time", "", "genesis time, RFC 3339 (default now); everything else follows from the names")
	var validators values
	flags.Var(&validators, "validator", "name of a validator node; once for each")
	if code, ok := parse(flags, arguments); !ok {
		return code
	}
	when := time.Now().UTC()
	if *at != "" {
		parsed, err := time.Parse(time.RFC3339, *at)
		if err != nil {
			logf("--time: %v", err)
			return exitInfrastructure
		}
		when = parsed
	}
	if *chainID == "" || len(validators) == 0 {
		logf("--chain-id and at least one --validator are needed")
		return exitInfrastructure
	}
	genesis, err := makeGenesis(*chainID, validators, when)
	if err != nil {
		logf("genesis: %v", err)
		return exitInfrastructure
	}
	text, err := cmtjson.MarshalIndent(genesis, "", "  ")
	if err != nil {
		logf("genesis: %v", err)
		return exitInfrastructure
	}
	fmt.Fprintln(os.Stdout, string(text))
	return exitPassed
}
