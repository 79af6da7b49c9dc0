package main

import (
	"context"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/abci/example/kvstore"
	abci "github.com/cometbft/cometbft/abci/types"
)

// application is CometBFT's key-value store that can stop making blocks.
type application struct {
	*kvstore.Application

	haltHeight int64
}

func newApplication(folder string, haltHeight int64) (*application, error) {
	store, err := dbm.NewGoLevelDB("application", folder)
	if err != nil {
		return nil, err
	}
	return &application{kvstore.NewApplication(store), haltHeight}, nil
}

// FinalizeBlock never returns for a block above the last one. The process ends without it: see stopNode.
func (a *application) FinalizeBlock(
	ctx context.Context, request *abci.RequestFinalizeBlock,
) (*abci.ResponseFinalizeBlock, error) {
	if a.haltHeight > 0 && request.Height > a.haltHeight {
		logf("halted at height %d, as asked", a.haltHeight)
		select {}
	}
	return a.Application.FinalizeBlock(ctx, request)
}
