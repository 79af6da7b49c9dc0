// Command evm is a real EVM for the test chain: go-ethereum's node, and a load generator that signs its transactions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/ethereum/go-ethereum/log"
)

// Exit codes of every verb; the load generator's are its contract (docs/workload.md).
const (
	exitPassed         = 0
	exitFailed         = 1
	exitInfrastructure = 2
	exitTerminated     = 128 + int(syscall.SIGTERM)
)

var verbs = map[string]func(ctx context.Context, arguments []string) int{
	"load": loadVerb,
	"node": nodeVerb,
	"sign": signVerb,
}

func main() {
	log.SetDefault(log.NewLogger(log.NewTerminalHandlerWithLevel(os.Stderr, slog.LevelWarn, false)))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := dispatch(ctx, os.Args)
	stop()
	os.Exit(code)
}

func dispatch(ctx context.Context, arguments []string) int {
	if len(arguments) > 1 {
		if run, ok := verbs[arguments[1]]; ok {
			return run(ctx, arguments[2:])
		}
	}
	fmt.Fprintln(os.Stderr, "usage: evm node|load|sign [flags]; each has --help")
	return exitInfrastructure
}

// parse reports whether the verb may go on, else the code to exit with.
func parse(flags *flag.FlagSet, arguments []string) (int, bool) {
	err := flags.Parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		return exitPassed, false
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%s takes flags only, got %q", flags.Name(), flags.Arg(0))
		fmt.Fprintln(os.Stderr, err)
	}
	return exitInfrastructure, err == nil
}

func logf(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
}
