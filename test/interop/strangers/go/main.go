// Verifiers in Go behind one pipe: a line with a token goes in, a line with the verdict comes out. See ../README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
)

type setting struct {
	Issuer  string `json:"issuer"`
	JwksURI string `json:"jwksUri"`
}

type presented struct {
	Verifier string `json:"verifier"`
	Token    string `json:"token"`
	Audience string `json:"audience"`
	Alg      string `json:"alg"`
}

type verify func(presented) error

// go-oidc is the JWK Set client; the signatures are checked by go-jose.
func goOidc(ctx context.Context, s setting) (verify, error) {
	keys := oidc.NewRemoteKeySet(ctx, s.JwksURI)
	return func(p presented) error {
		config := &oidc.Config{ClientID: p.Audience, SupportedSigningAlgs: []string{p.Alg}}
		_, err := oidc.NewVerifier(s.Issuer, keys, config).Verify(ctx, p.Token)
		return err
	}, nil
}

func golangJwt(ctx context.Context, s setting) (verify, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{s.JwksURI})
	if err != nil {
		return nil, err
	}
	return func(p presented) error {
		_, err := jwt.Parse(p.Token, keys.Keyfunc, jwt.WithIssuer(s.Issuer), jwt.WithAudience(p.Audience),
			jwt.WithExpirationRequired(), jwt.WithValidMethods([]string{p.Alg}))
		return err
	}, nil
}

var verifiers = map[string]struct {
	open    func(context.Context, setting) (verify, error)
	modules []string
}{
	"go-oidc + go-jose":    {goOidc, []string{"github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4"}},
	"golang-jwt + keyfunc": {golangJwt, []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"}},
}

// versionOf reads what was linked.
func versionOf(modules []string) string {
	info, _ := debug.ReadBuildInfo()
	var found []string
	for _, module := range modules {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				found = append(found, strings.TrimPrefix(dependency.Version, "v"))
			}
		}
	}
	return strings.Join(found, ", ")
}

func say(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func main() {
	ctx := context.Background()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	var s setting
	if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
		panic(err)
	}
	running := map[string]verify{}
	report := map[string]map[string]string{}
	for name, verifier := range verifiers {
		opened, err := verifier.open(ctx, s)
		if err != nil {
			report[name] = map[string]string{"missing": err.Error()}
			continue
		}
		running[name] = opened
		report[name] = map[string]string{"version": versionOf(verifier.modules)}
	}
	say(map[string]any{"verifiers": report})
	for lines.Scan() {
		var p presented
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			panic(err)
		}
		if err := running[p.Verifier](p); err != nil {
			say(map[string]any{"ok": false, "why": err.Error()})
		} else {
			say(map[string]any{"ok": true})
		}
	}
}
