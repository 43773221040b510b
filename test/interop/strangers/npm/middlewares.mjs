/**
 * Middlewares: each guards real servers on free ports, one for each resource, and a token is presented to it in a request. Entries
 * are as in libraries.mjs.
 */

import { once } from "node:events";
import express from "express";
import { expressjwt } from "express-jwt";
import { auth } from "express-oauth2-jwt-bearer";
import fastify from "fastify";
import fastifyJwtJwks from "fastify-jwt-jwks";
import { expressJwtSecret, koaJwtSecret, passportJwtSecret } from "jwks-rsa";
import Koa from "koa";
import koaJwt from "koa-jwt";
import passport from "passport";
import { ExtractJwt, Strategy } from "passport-jwt";
import { versionOf } from "./versions.mjs";

/** `listen`: a resource → the URL of a server that answers 200 to a good token. Some refuse an `alg` when they are made. */
async function guarded(version, resources, listen) {
  const urls = new Map();
  const refused = new Map();
  for (const resource of resources) {
    try {
      urls.set(resource.audience, await listen(resource));
    } catch (error) {
      refused.set(resource.audience, error);
    }
  }
  return {
    version,
    async verify({ token, audience }) {
      if (refused.has(audience)) throw refused.get(audience);
      const response = await fetch(urls.get(audience), { headers: { authorization: `Bearer ${token}` } });
      const body = await response.text();
      if (response.status === 200) return;
      const said = /error_description="([^"]*)"/.exec(response.headers.get("www-authenticate") ?? "")?.[1] ?? messageOf(body);
      throw new Error(`${response.status} ${said}`);
    },
  };
}

function messageOf(body) {
  try {
    return JSON.parse(body).message;
  } catch {
    return body.split("\n")[0];
  }
}

async function urlOf(server) {
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}/`;
}

function guardedByExpress(version, resources, middlewareFor) {
  return guarded(version, resources, (resource) => {
    const app = express();
    app.use(middlewareFor(resource));
    app.get("/", (_request, response) => response.end("ok"));
    // Four parameters are how Express tells that it handles errors.
    app.use((error, _request, response, _next) => {
      response.set(error.headers ?? {});
      response.status(error.status ?? 500).json({ message: error.message });
    });
    return urlOf(app.listen(0, "127.0.0.1"));
  });
}

function expressOauth2JwtBearer({ issuer, resources }) {
  return guardedByExpress(versionOf("express-oauth2-jwt-bearer"), resources, ({ audience, alg }) => {
    return auth({ issuerBaseURL: issuer, audience, strict: true, tokenSigningAlg: alg });
  });
}

function expressJwt({ issuer, jwksUri, resources }) {
  return guardedByExpress(versionOf("express-jwt", "jwks-rsa"), resources, ({ audience, alg }) => {
    return expressjwt({ secret: expressJwtSecret({ jwksUri }), issuer, audience, algorithms: [alg] });
  });
}

function passportJwt({ issuer, jwksUri, resources }) {
  return guardedByExpress(versionOf("passport-jwt", "jwks-rsa"), resources, ({ audience, alg }) => {
    const own = new passport.Passport();
    const options = {
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKeyProvider: passportJwtSecret({ jwksUri }),
      issuer,
      audience,
      algorithms: [alg],
    };
    own.use(new Strategy(options, (claims, done) => done(null, claims)));
    return (request, response, next) => {
      own.authenticate("jwt", { session: false }, (error, user, info) => {
        if (error !== null && error !== undefined) return next(error);
        if (user === false) return response.status(401).json({ message: info?.message ?? String(info) });
        return next();
      })(request, response, next);
    };
  });
}

function koaJwtMiddleware({ issuer, jwksUri, resources }) {
  return guarded(versionOf("koa-jwt", "jwks-rsa"), resources, ({ audience, alg }) => {
    const app = new Koa();
    app.silent = true;
    app.use(koaJwt({ secret: koaJwtSecret({ jwksUri }), issuer, audience, algorithms: [alg], debug: true }));
    app.use((context) => void (context.body = "ok"));
    return urlOf(app.listen(0, "127.0.0.1"));
  });
}

function fastifyJwtJwksPlugin({ issuer, jwksUri, resources }) {
  return guarded(versionOf("fastify-jwt-jwks"), resources, async ({ audience }) => {
    const app = fastify();
    await app.register(fastifyJwtJwks, { jwksUrl: jwksUri, issuer, audience });
    app.get("/", { preValidation: app.authenticate }, () => "ok");
    return app.listen({ port: 0, host: "127.0.0.1" });
  });
}

export const middlewares = {
  "express-oauth2-jwt-bearer": expressOauth2JwtBearer,
  "express-jwt + jwks-rsa": expressJwt,
  "passport-jwt + jwks-rsa": passportJwt,
  "koa-jwt + jwks-rsa": koaJwtMiddleware,
  "fastify-jwt-jwks": fastifyJwtJwksPlugin,
};
