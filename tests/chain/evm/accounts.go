package main

import (
	"crypto/ecdsa"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
)

const (
	// chainID is the one that Sei's development chains use.
	chainID = 713714
	// fundedAccounts is how many have funds from the genesis on; a load takes one for each shard.
	fundedAccounts = 64
	fundedEther    = 1_000_000
)

// funded is the account of that number. Keys follow from numbers and protect nothing.
func funded(number int) *ecdsa.PrivateKey { return keyFrom(fmt.Sprintf("funded account %d", number)) }

// unfunded never had anything.
func unfunded(number int) *ecdsa.PrivateKey {
	return keyFrom(fmt.Sprintf("unfunded account %d", number))
}

func keyFrom(name string) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("validationrun " + name)))
	if err != nil {
		// The digest is above the curve's order, once in 2^128 names.
		panic(err)
	}
	return key
}

func addressOf(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }

func ether(amount int64) *big.Int {
	return new(big.Int).Mul(big.NewInt(amount), big.NewInt(params.Ether))
}

func genesisFunds() types.GenesisAlloc {
	funds := types.GenesisAlloc{}
	for number := range fundedAccounts {
		funds[addressOf(funded(number))] = types.Account{Balance: ether(fundedEther)}
	}
	return funds
}
