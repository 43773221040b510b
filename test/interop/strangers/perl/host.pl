#!/usr/bin/perl
# Verifiers in Perl behind one pipe: a line with a token goes in, a line with the verdict comes out. See ../README.md.
use strict;
use warnings;
use Crypt::JWT qw(decode_jwt);
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(decode_base64url);

$| = 1;
my $json    = JSON::PP->new->canonical;
my $setting = $json->decode(scalar <STDIN>);

# Crypt::JWT has no JWK Set client: fetched once, and again where a kid is not in it, every 10 s at most.
my ($jwks, $fetched_at) = ({ keys => [] }, 0);

sub jwks_for {
    my ($token) = @_;
    my $kid = $json->decode(decode_base64url((split /\./, $token)[0]))->{kid} // '';
    if (!grep({ $_->{kid} eq $kid } @{ $jwks->{keys} }) && time - $fetched_at > 10) {
        $jwks       = $json->decode(HTTP::Tiny->new->get($setting->{jwksUri})->{content});
        $fetched_at = time;
    }
    return $jwks;
}

print $json->encode({ verifiers => { 'Crypt::JWT' => { version => "$Crypt::JWT::VERSION" } } }), "\n";
while (my $line = <STDIN>) {
    my $presented = $json->decode($line);
    my $is_good   = eval {
        decode_jwt(
            token        => $presented->{token},
            kid_keys     => jwks_for($presented->{token}),
            accepted_alg => $presented->{alg},
            verify_iss   => sub { $_[0] eq $setting->{issuer} },
            verify_aud   => sub { $_[0] eq $presented->{audience} },
            verify_exp   => 1,
        );
        1;
    };
    my $why = $is_good ? undef : $@ =~ s/ at \S+ line \d+.*//sr;
    print $json->encode($is_good ? { ok => JSON::PP::true } : { ok => JSON::PP::false, why => $why }), "\n";
}
