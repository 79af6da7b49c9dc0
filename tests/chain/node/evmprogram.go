package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// runEVMProgram runs a real EVM beside the node until the context is done. It makes blocks only while this node's height
// grows, so that a halted chain halts it too. It ends when its standard input does, which the death of this process closes.
func runEVMProgram(ctx context.Context, options *nodeOptions) error {
	_, port, err := net.SplitHostPort(options.rpc)
	if err != nil {
		return err
	}
	program := exec.CommandContext(ctx, options.evmProgram, "node", "--with-parent", "--http="+options.evm,
		"--ws="+options.ws, "--follow=http://"+net.JoinHostPort("127.0.0.1", port),
		"--home="+filepath.Join(options.home, "evm"))
	program.Stderr = os.Stderr
	// Held open by its end here, and never written to.
	if _, err := program.StdinPipe(); err != nil {
		return err
	}
	err = program.Run()
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		err = errors.New("ended")
	}
	return fmt.Errorf("%s: %w", options.evmProgram, err)
}
