package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

type Claims struct {
	jwt.RegisteredClaims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

// NewKeys fetches the JWK Set now and every ten minutes, and for an unknown kid once in half a minute. The keys serve while the
// issuer is down; an error: there are none yet, so don't start.
func NewKeys(ctx context.Context, issuer string) (keyfunc.Keyfunc, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{issuer + "/.well-known/jwks.json"}, keyfunc.Override{
		RefreshInterval:   10 * time.Minute,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(30*time.Second), 1),
		RateLimitWaitMax:  time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	if known, err := keys.Storage().KeyReadAll(ctx); err != nil || len(known) == 0 {
		return nil, errors.New("no keys from the issuer")
	}
	return keys, nil
}

// Verify gives the claims of a good token; an error: answer 401 invalid_token.
func Verify(keys keyfunc.Keyfunc, issuer, audience, token string) (*Claims, error) {
	claims := &Claims{}
	parsed, err := jwt.ParseWithClaims(token, claims, keys.Keyfunc,
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(10*time.Second))
	if err != nil {
		return nil, err
	}
	if parsed.Header["typ"] != "at+jwt" || claims.Subject == "" || claims.ClientID == "" {
		return nil, errors.New("not an access token")
	}
	return claims, nil
}

func main() {
	issuer, token := os.Args[1], os.Args[2]
	keys, err := NewKeys(context.Background(), issuer)
	if err != nil {
		fmt.Println("503", err)
		return
	}
	claims, err := Verify(keys, issuer, "https://api.example.com", token)
	if err != nil {
		fmt.Println("401", err)
		return
	}
	fmt.Println(claims.Subject, slices.Contains(strings.Fields(claims.Scope), "read"))
}
