// Command chain is a chain for end-to-end tests: nodes with real blocks and two load generators, in one program so
// that one small image holds them all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Exit codes of every verb; a load generator's are its contract (docs/workload.md).
const (
	exitPassed         = 0
	exitFailed         = 1
	exitInfrastructure = 2
	exitTerminated     = 128 + int(syscall.SIGTERM)
)

type verb func(ctx context.Context, arguments []string) int

var verbs = map[string]verb{
	"genesis": genesisVerb,
	"load":    loadVerb,
	"node":    nodeVerb,
	"seiload": seiloadVerb,
}

// aliases let a link to the program, or a copy of it, be a program of its own.
var aliases = map[string]string{"chainload": "load", "chainnode": "node", "seiloadlike": "seiload"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := dispatch(ctx, os.Args)
	stop()
	os.Exit(code)
}

func dispatch(ctx context.Context, arguments []string) int {
	if name, ok := aliases[filepath.Base(arguments[0])]; ok {
		return verbs[name](ctx, arguments[1:])
	}
	if len(arguments) > 1 {
		if run, ok := verbs[arguments[1]]; ok {
			return run(ctx, arguments[2:])
		}
	}
	fmt.Fprintln(os.Stderr, "usage: chain genesis|node|load|seiload [flags]; each has --help")
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
