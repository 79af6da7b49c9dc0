package main

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// transferGas is what a plain transfer to an account without code costs.
const transferGas = 21_000

// faults change a good transaction into the bad one that --fault names.
var faults = map[string]func(l *load, made *types.DynamicFeeTx){
	"":      func(*load, *types.DynamicFeeTx) {},
	"nonce": func(_ *load, made *types.DynamicFeeTx) { made.Nonce = 0 },
	"funds": func(_ *load, made *types.DynamicFeeTx) { made.Nonce = 0 },
	"tip":   func(_ *load, made *types.DynamicFeeTx) { made.GasTipCap = new(big.Int) },
	// Enough for the pool. The base fee of empty blocks comes down to 7 and no further.
	"fee": func(_ *load, made *types.DynamicFeeTx) { made.GasTipCap, made.GasFeeCap = big.NewInt(1), big.NewInt(1) },
}

// plainTransfer is one of one wei (EIP-1559), not signed yet.
func plainTransfer(signer types.Signer, account int, nonce uint64) *types.DynamicFeeTx {
	to := addressOf(unfunded(fundedAccounts + account))
	return &types.DynamicFeeTx{
		ChainID: signer.ChainID(), Nonce: nonce, To: &to, Value: big.NewInt(1), Gas: transferGas,
		GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(100 * params.GWei),
	}
}

// transfer has the fault when it is time for it.
func (l *load) transfer() (*types.Transaction, error) {
	made := plainTransfer(l.signer, l.environment.shard, l.nonce)
	key := l.key
	if l.faulty() {
		faults[l.options.fault](l, made)
		if l.options.fault == "funds" {
			key = unfunded(l.environment.shard)
		}
	}
	return types.SignNewTx(key, l.signer, made)
}

// faulty is false until a first transaction is included: nonce 0 is too low only then.
func (l *load) faulty() bool {
	begun := l.options.fault != "" && time.Since(l.began).Seconds() >= l.options.faultAfter
	return begun && (l.options.fault != "nonce" || l.report.Included > 0)
}

func (l *load) send(ctx context.Context) {
	short, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	if l.lost {
		nonce, err := l.client.PendingNonceAt(short, addressOf(l.key))
		if l.heard(err); err != nil {
			return
		}
		l.nonce, l.lost = nonce, false
	}
	made, err := l.transfer()
	if err != nil {
		l.failure = err
		return
	}
	err = l.client.SendTransaction(short, made)
	l.report.Sent++
	var refusal rpc.Error
	switch {
	case err == nil:
		l.heard(nil)
		l.nonce++
		l.pending[made.Hash()] = true
		l.report.Accepted++
		l.metrics.count(l.metrics.accepted)
	case errors.As(err, &refusal):
		l.heard(nil)
		l.report.Rejected++
		l.metrics.count(l.metrics.rejected, reason(refusal))
	case ctx.Err() == nil:
		l.heard(err)
		l.lost = true
		l.report.Errors++
		l.metrics.count(l.metrics.errors)
	}
}

// reason is the node's own words without the numbers of the one transaction: few different ones, so that they may be a label.
func reason(refusal error) string {
	words, _, _ := strings.Cut(refusal.Error(), ":")
	return words
}

// heard notes whether the node answered.
func (l *load) heard(err error) {
	if l.failure = err; err == nil {
		l.answered = time.Now()
	}
}

// follow asks for the receipts of what is not included yet, once for each block.
func (l *load) follow(ctx context.Context, head *types.Header) {
	l.report.Heads++
	l.metrics.count(l.metrics.heads)
	l.report.LastHeight = head.Number.Int64()
	if l.report.FirstHeight == 0 {
		l.report.FirstHeight = l.report.LastHeight
	}
	for hash := range l.pending {
		if !l.settle(ctx, hash) {
			return
		}
	}
}

// settle reports whether the node answered.
func (l *load) settle(ctx context.Context, hash common.Hash) bool {
	short, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	receipt, err := l.client.TransactionReceipt(short, hash)
	var refusal rpc.Error
	switch {
	case err == nil && receipt.Status == types.ReceiptStatusSuccessful:
		delete(l.pending, hash)
		l.report.Included++
		l.metrics.count(l.metrics.included)
	case err == nil:
		delete(l.pending, hash)
		l.report.Reverted++
		l.metrics.count(l.metrics.reverted)
	case errors.Is(err, ethereum.NotFound), errors.As(err, &refusal):
		// Not in a block yet, or the block is not indexed yet.
	default:
		if ctx.Err() == nil {
			l.heard(err)
		}
		return false
	}
	l.heard(nil)
	return true
}
