package main

import (
	"context"
	"flag"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// signVerb prints a signed transfer of one wei, as eth_sendRawTransaction takes it.
func signVerb(_ context.Context, arguments []string) int {
	flags := flag.NewFlagSet("evm sign", flag.ContinueOnError)
	account := flags.Int("account", 0, "number of the funded account that pays")
	nonce := flags.Uint64("nonce", 0, "how many transactions it has sent before")
	if code, ok := parse(flags, arguments); !ok {
		return code
	}
	signer := types.LatestSignerForChainID(big.NewInt(chainID))
	made, err := types.SignNewTx(funded(*account), signer, plainTransfer(signer, *account, *nonce))
	if err != nil {
		logf("sign: %v", err)
		return exitFailed
	}
	raw, err := made.MarshalBinary()
	if err != nil {
		logf("sign: %v", err)
		return exitFailed
	}
	fmt.Println(hexutil.Encode(raw))
	return exitPassed
}
