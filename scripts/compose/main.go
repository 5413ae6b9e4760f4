// Command compose reads a compose file as Docker Compose does, with all its profiles, and prints it as JSON with every
// variable filled in. What Compose would refuse it refuses.
//
//	compose FILE ENV_FILE
//
// Variables come from ENV_FILE alone, so that the answer does not depend on who asks.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
)

func run() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("usage: compose FILE ENV_FILE")
	}
	file, err := filepath.Abs(os.Args[1])
	if err != nil {
		return err
	}
	options, err := cli.NewProjectOptions(
		[]string{file},
		cli.WithWorkingDirectory(filepath.Dir(file)),
		cli.WithEnvFiles(os.Args[2]),
		cli.WithDotEnv,
		cli.WithProfiles([]string{"*"}),
	)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	shown, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(shown, '\n'))
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
