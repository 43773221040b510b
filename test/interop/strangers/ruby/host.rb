# Verifiers in Ruby behind one pipe: a line with a token goes in, a line with the verdict comes out. See ../README.md.

require "json"
require "jwt"
require "net/http"

$stdout.sync = true
SETTING = JSON.parse($stdin.gets)

def fetch_jwks
  JSON.parse(Net::HTTP.get(URI(SETTING["jwksUri"])))
end

# Its own protocol: the loader is asked again where a kid is not in the set. As its documentation shows it, with a pause of 10 s at least.
class Loader
  def call(options)
    @jwks = nil if options[:kid_not_found] && Time.now - @fetched_at > 10
    @jwks ||= begin
      @fetched_at = Time.now
      fetch_jwks
    end
  end
end

LOADER = Loader.new

def ruby_jwt(token, audience, alg)
  options = { algorithms: [alg], jwks: LOADER, iss: SETTING["issuer"], verify_iss: true, aud: audience, verify_aud: true }
  JWT.decode(token, nil, true, options.merge(required_claims: ["exp"]))
end

VERIFIERS = { "ruby-jwt" => method(:ruby_jwt) }.freeze
puts JSON.generate({ "verifiers" => { "ruby-jwt" => { "version" => JWT::VERSION::STRING } } })

$stdin.each_line do |line|
  presented = JSON.parse(line)
  VERIFIERS.fetch(presented["verifier"]).call(*presented.values_at("token", "audience", "alg"))
  puts JSON.generate({ "ok" => true })
rescue StandardError => error
  puts JSON.generate({ "ok" => false, "why" => "#{error.class}: #{error.message}" })
end
