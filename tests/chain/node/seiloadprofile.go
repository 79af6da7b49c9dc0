package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"
)

// seiloadProfile has every key of a sei-load profile. Only endpoints and settings are used; the others are there because sei-load
// takes no key that it does not know.
type seiloadProfile struct {
	ChainID    int64             `json:"chainId"`
	SeiChainID string            `json:"seiChainID"`
	Endpoints  []string          `json:"endpoints"`
	Accounts   *seiloadAccounts  `json:"accounts"`
	Scenarios  []seiloadScenario `json:"scenarios"`
	MockDeploy bool              `json:"mockDeploy"`
	Settings   *seiloadSettings  `json:"settings"`
	Funding    *seiloadFunding   `json:"funding"`
	ReportPath string            `json:"reportPath"`
	Seed       *uint64           `json:"seed"`
}

type seiloadAccounts struct {
	Count          int     `json:"count"`
	NewAccountRate float64 `json:"newAccountRate"`
}

type seiloadScenario struct {
	Name             string            `json:"name"`
	Weight           int               `json:"weight"`
	Accounts         *seiloadAccounts  `json:"accounts"`
	GasPicker        *seiloadGas       `json:"gasPicker"`
	GasFeeCapPicker  *seiloadGas       `json:"gasFeeCapPicker"`
	GasTipCapPicker  *seiloadGas       `json:"gasTipCapPicker"`
	KeyDistribution  *seiloadDraw      `json:"keyDistribution"`
	SizeDistribution *seiloadDraw      `json:"sizeDistribution"`
	RecordCount      uint64            `json:"recordCount"`
	SizeBuckets      []int             `json:"sizeBuckets"`
	Operations       map[string]uint64 `json:"operations"`
}

type seiloadFunding struct {
	RootKeyFile   string       `json:"rootKeyFile"`
	RootKeyEnv    string       `json:"rootKeyEnv"`
	FundAmountWei *seiloadSize `json:"fundAmountWei"`
	BatchSize     int          `json:"batchSize"`
}

type seiloadSettings struct {
	TPS                   float64         `json:"tps"`
	StatsInterval         seiloadDuration `json:"statsInterval"`
	InclusionReapAfter    seiloadDuration `json:"inclusionReapAfter"`
	BufferSize            int             `json:"bufferSize"`
	DryRun                bool            `json:"dryRun"`
	Debug                 bool            `json:"debug"`
	TrackReceipts         bool            `json:"trackReceipts"`
	TrackBlocks           bool            `json:"trackBlocks"`
	TrackUserLatency      bool            `json:"trackUserLatency"`
	Prewarm               bool            `json:"prewarm"`
	RampUp                bool            `json:"rampUp"`
	ReportPath            string          `json:"reportPath"`
	TxsDir                string          `json:"txsDir"`
	TargetGas             uint64          `json:"targetGas"`
	NumBlocksToWrite      int             `json:"numBlocksToWrite"`
	PostSummaryFlushDelay seiloadDuration `json:"postSummaryFlushDelay"`
	ArrivalModel          string          `json:"arrivalModel"`
	MaxInFlight           int             `json:"maxInFlight"`
}

// seiloadDuration is a text such as "5s", and nothing else.
type seiloadDuration time.Duration

func (d *seiloadDuration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	read, err := time.ParseDuration(text)
	*d = seiloadDuration(read)
	return err
}

// seiloadSize is a whole number as decimal text.
type seiloadSize struct{}

func (*seiloadSize) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	if _, ok := new(big.Int).SetString(text, 10); !ok {
		return fmt.Errorf("%q is no decimal number", text)
	}
	return nil
}

// seiloadGas and seiloadDraw choose by Name; sei-load itself lets their other keys pass.
type (
	seiloadGas  struct{}
	seiloadDraw struct{}
)

func (*seiloadGas) UnmarshalJSON(data []byte) error {
	return named(data, "", "fixed", "random")
}

func (*seiloadDraw) UnmarshalJSON(data []byte) error {
	return named(data, "", "uniform", "zipfian")
}

func named(data []byte, known ...string) error {
	var chosen struct{ Name string }
	if err := json.Unmarshal(data, &chosen); err != nil {
		return err
	}
	for _, name := range known {
		if chosen.Name == name {
			return nil
		}
	}
	return fmt.Errorf("there is no %q", chosen.Name)
}

func readProfile(file string) (*seiloadProfile, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var profile seiloadProfile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&profile); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its JSON")
	}
	if len(profile.Scenarios) == 0 {
		return nil, errors.New("it has no scenarios")
	}
	if profile.Settings == nil {
		return nil, errors.New("it has no settings")
	}
	return &profile, nil
}

// resolve settles what the arguments and the profile say together.
func (p *seiloadProfile) resolve(options *seiloadOptions) error {
	if err := options.resolve(p.Settings); err != nil {
		return err
	}
	if len(p.Endpoints) == 0 && !options.settings.DryRun {
		return errors.New("no endpoints specified in config")
	}
	if options.nodes > 0 && options.nodes < len(p.Endpoints) {
		p.Endpoints = p.Endpoints[:options.nodes]
	}
	return nil
}
