package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"codepool/gen"

	"github.com/spf13/cobra"
)

// secretValue is a flag for the file with the secret of order numbers.
//
// By default it is beside the directory of the store: each store has its own, wherever the
// program runs, and a backup or a copy of the directory, which others may get, does not hold
// it. It is never made by the way: a new secret in place of a lost one would read the numbers
// of before as if others had come first.
type secretValue struct{ path string }

const secretSuffix = ".order-secret"

func (v *secretValue) flag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.path, "secret", "", "`file` with the secret of order numbers (default: beside the store, DATA"+secretSuffix+")")
	shares(cmd, "secret", secretSetting)
	cobra.CheckErr(cmd.MarkFlagFilename("secret"))
}

// file returns the path of the secret.
func (v *secretValue) file(a *app) (string, error) {
	if v.path != "" {
		return v.path, nil
	}
	data := filepath.Clean(a.data)
	if name := filepath.Base(data); name == "." || name == ".." { // what it is called stands nowhere
		var err error
		if data, err = filepath.Abs(data); err != nil {
			return "", err
		}
	}
	return data + secretSuffix, nil
}

// codec returns what reads and makes order numbers under the secret.
func (v *secretValue) codec(a *app) (*gen.OrderCodec, error) {
	path, err := v.file(a)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &failure{err: fmt.Errorf("%w: %w", errNoSecret, err), try: v.try("codepool order secret", ", which makes one, if there never was one")}
	}
	if err != nil {
		return nil, err
	}
	secret := make([]byte, hex.DecodedLen(len(text)))
	n, err := hex.Decode(secret, bytes.TrimSpace(text))
	if err != nil {
		return nil, &failure{err: fmt.Errorf("%w: %s is not hexadecimal", errNoSecret, path), try: "the same with the --secret that codepool order secret made"}
	}
	return gen.NewOrderCodec(gen.OrderLayout{}, secret[:n])
}

// try is a command with the flag as it was typed.
func (v *secretValue) try(command, remark string) string {
	if v.path != "" {
		command += " --secret " + shellQuote(v.path)
	}
	return command + remark
}

func (a *app) orderSecretCmd() *cobra.Command {
	var secret secretValue
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Make the secret of order numbers, once",
		Long: `Secret writes 32 random bytes, as 64 hexadecimal digits, into a file that only you can read:
beside the directory of the store, or where --secret (CODEPOOL_ORDER_SECRET, order-secret in
the configuration file) says. It replaces no file.

Keep it, apart from backups of the store: who has it reads from an order number how many
came before on its day. Without it nobody can, and numbers of that day cannot go on.`,
		Example:           `  codepool order secret`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	secret.flag(cmd)
	return a.does(cmd, func(context.Context, []string) error {
		path, err := secret.file(a)
		if err != nil {
			return err
		}
		if err := a.outside(path); err != nil {
			return err
		}
		err = writeFile(path, false, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, hex.EncodeToString(newSecret()))
			return err
		})
		if err != nil {
			f := &failure{doing: "order secret", err: err}
			if errors.Is(err, errExists) {
				f.try = "codepool order new, which uses it; or the same with another --secret"
			}
			return f
		}
		return a.show(struct {
			Secret string `json:"secret"`
		}{path}, func(w io.Writer) { fmt.Fprintln(w, clean(path)) })
	})
}

func newSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	return secret
}
