// A contacts API as an Express and pg project builds it, lean: no request log, no audit row, no count beside a list.
'use strict';

const crypto = require('crypto');
const compression = require('compression');
const cors = require('cors');
const express = require('express');
const helmet = require('helmet');
const jwt = require('jsonwebtoken');
const { Pool } = require('pg');

const secret = process.env.JWT_SECRET;
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const emailForm = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

const schema = `
  create table if not exists contacts (
    id uuid primary key,
    tenant_id text not null,
    first_name text not null,
    last_name text,
    email text,
    phone text,
    city text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  );
  create index if not exists contacts_tenant_created on contacts (tenant_id, created_at);
  create index if not exists contacts_tenant_city_created on contacts (tenant_id, city, created_at);
  create index if not exists contacts_tenant_email on contacts (tenant_id, email);
`;

function signedIn(request, response, next) {
  try {
    request.member = jwt.verify((request.headers.authorization || '').slice('Bearer '.length), secret);
  } catch {
    return response.status(401).json({ error: 'unauthorized' });
  }
  return next();
}

function guarded(handler) {
  return (request, response) =>
    handler(request, response).catch((failure) => response.status(500).json({ error: failure.message }));
}

function issueToken(request, response) {
  const claims = { userId: crypto.randomUUID(), tenantId: request.body.tenantId };
  response.json({ token: jwt.sign(claims, secret, { expiresIn: '7d' }) });
}

async function listContacts(request, response) {
  const limit = Math.min(Number(request.query.limit) || 20, 100);
  const direction = request.query.sort === 'createdAt' ? 'asc' : 'desc';
  const conditions = ['tenant_id = $1'];
  const values = [request.member.tenantId];
  for (const column of ['city', 'email']) {
    if (request.query[column] === undefined) continue;
    values.push(request.query[column]);
    conditions.push(`${column} = $${values.length}`);
  }
  const found = await pool.query(
    `select * from contacts where ${conditions.join(' and ')} order by created_at ${direction} limit ${limit}`,
    values,
  );
  response.json({ success: true, data: found.rows });
}

async function readContact(request, response) {
  const found = await pool.query('select * from contacts where id = $1 and tenant_id = $2', [
    request.params.id,
    request.member.tenantId,
  ]);
  if (found.rows.length === 0) return response.status(404).json({ error: 'not found' });
  return response.json(found.rows[0]);
}

async function createContact(request, response) {
  const { firstName, lastName, email, phone, city } = request.body;
  if (!firstName) return response.status(400).json({ error: 'firstName is needed' });
  if (email && !emailForm.test(email)) return response.status(400).json({ error: 'email is not an address' });
  const made = await pool.query(
    `insert into contacts (id, tenant_id, first_name, last_name, email, phone, city)
     values ($1, $2, $3, $4, $5, $6, $7) returning *`,
    [crypto.randomUUID(), request.member.tenantId, firstName, lastName, email, phone, city],
  );
  return response.status(201).json(made.rows[0]);
}

async function main() {
  await pool.query(schema);
  const app = express();
  app.use(helmet(), cors(), compression(), express.json({ limit: '1mb' }));
  app.get('/health', (request, response) => response.json({ ok: true }));
  app.post('/auth/token', issueToken);
  app.get('/contacts', signedIn, guarded(listContacts));
  app.get('/contacts/:id', signedIn, guarded(readContact));
  app.post('/contacts', signedIn, guarded(createContact));
  app.listen(Number(process.env.PORT), '127.0.0.1');
}

main().catch((failure) => {
  console.error(failure);
  process.exit(1);
});
