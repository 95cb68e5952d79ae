CREATE TABLE accounts (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  domain text COLLATE "C",
  domain_folded text COLLATE "C",
  website text COLLATE "C",
  website_folded text COLLATE "C",
  industry text COLLATE "C",
  industry_folded text COLLATE "C",
  type text COLLATE "C",
  phone text COLLATE "C",
  phone_folded text COLLATE "C",
  email text COLLATE "C",
  email_folded text COLLATE "C",
  annual_revenue bigint,
  currency text COLLATE "C",
  employee_count bigint,
  founded_year bigint,
  parent_id uuid,
  source_created_at timestamp with time zone,
  owner_id uuid,
  address_street text COLLATE "C",
  address_street_folded text COLLATE "C",
  address_city text COLLATE "C",
  address_city_folded text COLLATE "C",
  address_state text COLLATE "C",
  address_state_folded text COLLATE "C",
  address_postal_code text COLLATE "C",
  address_postal_code_folded text COLLATE "C",
  address_country text COLLATE "C",
  address_country_folded text COLLATE "C",
  description text COLLATE "C",
  score bigint,
  score_reason text COLLATE "C",
  score_reason_folded text COLLATE "C",
  health_status text COLLATE "C",
  next_action text COLLATE "C",
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, parent_id) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX accounts__external_id_folded ON public.accounts USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX accounts__name_folded__id ON public.accounts USING btree (tenant_id, name_folded, id);
CREATE INDEX accounts__owner_id__id ON public.accounts USING btree (tenant_id, owner_id, id);
CREATE INDEX accounts__parent_id__id ON public.accounts USING btree (tenant_id, parent_id, id);
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON accounts USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON accounts TO kith_app;
CREATE TABLE activities (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  type text COLLATE "C",
  subject text COLLATE "C",
  subject_folded text COLLATE "C",
  body text COLLATE "C",
  status text COLLATE "C",
  starts_at timestamp with time zone,
  due_at timestamp with time zone,
  duration_minutes bigint,
  priority text COLLATE "C",
  outcome text COLLATE "C",
  sentiment text COLLATE "C",
  summary text COLLATE "C",
  location text COLLATE "C",
  location_folded text COLLATE "C",
  related_id uuid,
  related_to text COLLATE "C",
  related_to_folded text COLLATE "C",
  deal_id uuid,
  source_created_at timestamp with time zone,
  owner_id uuid,
  completed_at timestamp with time zone,
  archived_at timestamp with time zone,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX activities__deal_id__id ON public.activities USING btree (tenant_id, deal_id, id) WHERE (deal_id IS NOT NULL);
CREATE INDEX activities__due_at__id ON public.activities USING btree (tenant_id, due_at, id);
CREATE UNIQUE INDEX activities__external_id_folded ON public.activities USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX activities__owner_id__due_at__id ON public.activities USING btree (tenant_id, owner_id, due_at, id);
CREATE INDEX activities__related_id__id ON public.activities USING btree (tenant_id, related_id, id);
CREATE INDEX activities__starts_at__id ON public.activities USING btree (tenant_id, starts_at, id);
ALTER TABLE activities FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON activities USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON activities TO kith_app;
CREATE TABLE agents (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  description text COLLATE "C",
  type text COLLATE "C",
  role text COLLATE "C",
  role_folded text COLLATE "C",
  personality text COLLATE "C",
  instructions text COLLATE "C",
  language text COLLATE "C",
  language_folded text COLLATE "C",
  model text COLLATE "C",
  model_folded text COLLATE "C",
  routing text COLLATE "C",
  temperature double precision,
  max_tokens bigint,
  tools text COLLATE "C",
  permission text COLLATE "C",
  document_ids text COLLATE "C",
  evidence double precision,
  working_hours text COLLATE "C",
  escalation text COLLATE "C",
  disclosure text COLLATE "C",
  greeting text COLLATE "C",
  pause_seconds bigint,
  is_active boolean,
  status text COLLATE "C",
  status_reason text COLLATE "C",
  trained_at timestamp with time zone,
  training text COLLATE "C",
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX agents__external_id_folded ON public.agents USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX agents__name_folded__id ON public.agents USING btree (tenant_id, name_folded, id);
ALTER TABLE agents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON agents USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON agents TO kith_app;
CREATE TABLE ai_actions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  tool text COLLATE "C" NOT NULL,
  arguments text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  created_at timestamp with time zone NOT NULL,
  decided_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ai_actions__conversation_id__id ON public.ai_actions USING btree (tenant_id, conversation_id, id);
ALTER TABLE ai_actions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ai_actions USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON ai_actions TO kith_app;
CREATE TABLE ai_conversations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  member_id uuid NOT NULL,
  agent_name text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  title text COLLATE "C",
  title_is_set boolean NOT NULL,
  topic text COLLATE "C",
  metadata text COLLATE "C",
  message_count bigint NOT NULL,
  last_message_at timestamp with time zone,
  last_excerpt text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ai_conversations__member_id__updated_at__id ON public.ai_conversations USING btree (tenant_id, member_id, updated_at, id);
ALTER TABLE ai_conversations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ai_conversations USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON ai_conversations TO kith_app;
CREATE TABLE ai_messages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  conversation_id uuid NOT NULL,
  role text COLLATE "C" NOT NULL,
  content text COLLATE "C" NOT NULL,
  metadata text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ai_messages__conversation_id__id ON public.ai_messages USING btree (tenant_id, conversation_id, id);
ALTER TABLE ai_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ai_messages USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON ai_messages TO kith_app;
CREATE TABLE anchors (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE anchors FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON anchors USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON anchors TO kith_app;
CREATE TABLE api_keys (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  prefix text COLLATE "C" NOT NULL,
  key_hash bytea NOT NULL,
  scopes jsonb NOT NULL,
  role text COLLATE "C" NOT NULL,
  member_id uuid NOT NULL,
  requests_per_minute bigint,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON api_keys TO kith_app;
CREATE TABLE attachments (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  content_type text COLLATE "C",
  content_type_folded text COLLATE "C",
  size bigint,
  sha256 text COLLATE "C",
  sha256_folded text COLLATE "C",
  content_id uuid,
  related_id uuid,
  related_to text COLLATE "C",
  related_to_folded text COLLATE "C",
  deal_id uuid,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX attachments__deal_id__id ON public.attachments USING btree (tenant_id, deal_id, id) WHERE (deal_id IS NOT NULL);
CREATE UNIQUE INDEX attachments__external_id_folded ON public.attachments USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX attachments__name_folded__id ON public.attachments USING btree (tenant_id, name_folded, id);
CREATE INDEX attachments__related_id__id ON public.attachments USING btree (tenant_id, related_id, id);
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON attachments USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON attachments TO kith_app;
CREATE TABLE batch_faults (
  tenant_id uuid NOT NULL,
  batch_id uuid NOT NULL,
  record_id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  verdict text COLLATE "C" NOT NULL,
  code text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, batch_id, record_id),
  FOREIGN KEY (tenant_id, batch_id) REFERENCES batches(tenant_id, id)
);
ALTER TABLE batch_faults FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON batch_faults USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON batch_faults TO kith_app;
CREATE TABLE batches (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  member_id uuid,
  user_id uuid,
  state text COLLATE "C" NOT NULL,
  total bigint,
  counts jsonb NOT NULL,
  wishes jsonb,
  position uuid,
  revision bigint NOT NULL,
  error text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  undo_of uuid,
  undone_by uuid,
  undone_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE batches FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON batches USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON batches TO kith_app;
CREATE TABLE bundle_imports (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  state text COLLATE "C" NOT NULL,
  file_id uuid NOT NULL,
  file_name text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  made_id uuid,
  slug text COLLATE "C",
  phase text COLLATE "C",
  percent bigint,
  rows bigint,
  done bigint NOT NULL,
  joined bigint,
  named bigint,
  code text COLLATE "C",
  error text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE bundle_imports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON bundle_imports USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON bundle_imports TO kith_app;
CREATE TABLE calendar_feeds (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  token_hash bytea NOT NULL,
  member_id uuid NOT NULL,
  revoked_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX calendar_feeds__member_id__id ON public.calendar_feeds USING btree (tenant_id, member_id, id);
ALTER TABLE calendar_feeds FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON calendar_feeds USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON calendar_feeds TO kith_app;
CREATE TABLE channel_identities (
  kind text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  tenant_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  claimed_at timestamp with time zone NOT NULL,
  PRIMARY KEY (kind, hash, tenant_id, channel_id)
);
CREATE INDEX channel_identities__tenant_id__channel_id ON public.channel_identities USING btree (tenant_id, channel_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON channel_identities TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON channel_identities TO kith_platform;
CREATE TABLE channel_secrets (
  tenant_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  secret bytea NOT NULL,
  PRIMARY KEY (tenant_id, channel_id, name),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE channel_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channel_secrets USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON channel_secrets TO kith_app;
CREATE TABLE channels (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  type text COLLATE "C",
  config text COLLATE "C",
  is_active boolean,
  status text COLLATE "C",
  status_reason text COLLATE "C",
  connected_at timestamp with time zone,
  secrets_changed_at timestamp with time zone,
  agent_id uuid,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX channels__external_id_folded ON public.channels USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX channels__name_folded__id ON public.channels USING btree (tenant_id, name_folded, id);
CREATE INDEX channels__type__id ON public.channels USING btree (tenant_id, type, id);
ALTER TABLE channels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channels USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON channels TO kith_app;
CREATE TABLE contacts (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  first_name text COLLATE "C",
  first_name_folded text COLLATE "C",
  last_name text COLLATE "C",
  last_name_folded text COLLATE "C",
  name text COLLATE "C",
  name_folded text COLLATE "C",
  email text COLLATE "C",
  email_folded text COLLATE "C",
  phone text COLLATE "C",
  phone_folded text COLLATE "C",
  mobile text COLLATE "C",
  mobile_folded text COLLATE "C",
  job_title text COLLATE "C",
  job_title_folded text COLLATE "C",
  department text COLLATE "C",
  department_folded text COLLATE "C",
  company text COLLATE "C",
  company_folded text COLLATE "C",
  account_id uuid,
  source_created_at timestamp with time zone,
  owner_id uuid,
  source text COLLATE "C",
  source_folded text COLLATE "C",
  status text COLLATE "C",
  address_street text COLLATE "C",
  address_street_folded text COLLATE "C",
  address_city text COLLATE "C",
  address_city_folded text COLLATE "C",
  address_state text COLLATE "C",
  address_state_folded text COLLATE "C",
  address_postal_code text COLLATE "C",
  address_postal_code_folded text COLLATE "C",
  address_country text COLLATE "C",
  address_country_folded text COLLATE "C",
  avatar_url text COLLATE "C",
  avatar_url_folded text COLLATE "C",
  description text COLLATE "C",
  do_not_call boolean,
  do_not_text boolean,
  sentiment text COLLATE "C",
  lead_score bigint,
  score_reason text COLLATE "C",
  score_reason_folded text COLLATE "C",
  next_action text COLLATE "C",
  last_contacted_at timestamp with time zone,
  last_message_at timestamp with time zone,
  total_spend bigint,
  currency text COLLATE "C",
  visits bigint,
  last_purchase_date date,
  lead_id uuid,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX contacts__account_id__id ON public.contacts USING btree (tenant_id, account_id, id);
CREATE INDEX contacts__address_city_folded__id ON public.contacts USING btree (tenant_id, address_city_folded, id);
CREATE INDEX contacts__email_folded__id ON public.contacts USING btree (tenant_id, email_folded, id);
CREATE UNIQUE INDEX contacts__external_id_folded ON public.contacts USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX contacts__name_folded__id ON public.contacts USING btree (tenant_id, name_folded, id);
CREATE INDEX contacts__owner_id__id ON public.contacts USING btree (tenant_id, owner_id, id);
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contacts USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON contacts TO kith_app;
CREATE TABLE conversations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  channel_id uuid,
  contact_id uuid,
  thread_id text COLLATE "C",
  subject text COLLATE "C",
  subject_folded text COLLATE "C",
  status text COLLATE "C",
  priority text COLLATE "C",
  agent_id uuid,
  assignee_id uuid,
  speaker text COLLATE "C",
  turn bigint,
  handed_over_at timestamp with time zone,
  hand_over_reason text COLLATE "C",
  snoozed_until timestamp with time zone,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  close_reason text COLLATE "C",
  close_reason_folded text COLLATE "C",
  summary text COLLATE "C",
  rating bigint,
  customer_name text COLLATE "C",
  customer_name_folded text COLLATE "C",
  customer_handle text COLLATE "C",
  customer_handle_folded text COLLATE "C",
  last_message_at timestamp with time zone,
  last_message text COLLATE "C",
  last_message_folded text COLLATE "C",
  last_inbound_at timestamp with time zone,
  waiting_since timestamp with time zone,
  first_response_at timestamp with time zone,
  message_count bigint,
  unread_count bigint,
  free_form_until timestamp with time zone,
  can_send_always boolean,
  can_send_templates boolean,
  first_response_seconds bigint,
  resolution_seconds bigint,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, assignee_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX conversations__agent_id__id ON public.conversations USING btree (tenant_id, agent_id, id);
CREATE INDEX conversations__assignee_id__id ON public.conversations USING btree (tenant_id, assignee_id, id);
CREATE UNIQUE INDEX conversations__channel_id__thread_id ON public.conversations USING btree (tenant_id, channel_id, thread_id) WHERE ((thread_id IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX conversations__contact_id__id ON public.conversations USING btree (tenant_id, contact_id, id);
CREATE UNIQUE INDEX conversations__external_id_folded ON public.conversations USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX conversations__last_message_at__id ON public.conversations USING btree (tenant_id, last_message_at, id);
CREATE INDEX conversations__snoozed_until ON public.conversations USING btree (tenant_id, snoozed_until) WHERE (snoozed_until IS NOT NULL);
CREATE INDEX conversations__status__last_message_at__id ON public.conversations USING btree (tenant_id, status, last_message_at, id);
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON conversations USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON conversations TO kith_app;
CREATE TABLE credit_entries (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  reserved bigint NOT NULL,
  taken text COLLATE "C" NOT NULL,
  used bigint,
  capability text COLLATE "C" NOT NULL,
  member_id uuid,
  request_id uuid,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE credit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credit_entries USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON credit_entries TO kith_app;
CREATE TABLE credit_grants (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  amount bigint NOT NULL,
  remaining bigint NOT NULL,
  expires_at timestamp with time zone,
  note text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE credit_grants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credit_grants USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON credit_grants TO kith_app;
CREATE TABLE custom_fields (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  label text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  options jsonb,
  required boolean NOT NULL,
  created_at timestamp with time zone NOT NULL,
  deleted_at timestamp with time zone,
  is_unique boolean NOT NULL DEFAULT false,
  default_value jsonb,
  target text COLLATE "C",
  currency text COLLATE "C",
  purged_at timestamp with time zone,
  converting_from text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX custom_fields__object__name ON public.custom_fields USING btree (tenant_id, object, name);
ALTER TABLE custom_fields FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON custom_fields USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON custom_fields TO kith_app;
CREATE TABLE custom_uniques (
  tenant_id uuid NOT NULL,
  field_id uuid NOT NULL,
  value text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, field_id, value),
  FOREIGN KEY (tenant_id, field_id) REFERENCES custom_fields(tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX custom_uniques__record_id__field_id ON public.custom_uniques USING btree (tenant_id, record_id, field_id);
ALTER TABLE custom_uniques FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON custom_uniques USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON custom_uniques TO kith_app;
CREATE TABLE custom_values (
  tenant_id uuid NOT NULL,
  record_id uuid NOT NULL,
  field_id uuid NOT NULL,
  words text COLLATE "C",
  number double precision,
  instant timestamp with time zone,
  flag bigint,
  minor bigint,
  PRIMARY KEY (tenant_id, record_id, field_id),
  FOREIGN KEY (tenant_id, field_id) REFERENCES custom_fields(tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX custom_values__field_id__instant__record_id ON public.custom_values USING btree (tenant_id, field_id, instant, record_id);
CREATE INDEX custom_values__field_id__minor__record_id ON public.custom_values USING btree (tenant_id, field_id, minor, record_id);
CREATE INDEX custom_values__field_id__number__record_id ON public.custom_values USING btree (tenant_id, field_id, number, record_id);
CREATE INDEX custom_values__field_id__words__record_id ON public.custom_values USING btree (tenant_id, field_id, words, record_id);
ALTER TABLE custom_values FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON custom_values USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON custom_values TO kith_app;
CREATE TABLE deal_lines (
  tenant_id uuid NOT NULL,
  deal_id uuid NOT NULL,
  id uuid NOT NULL,
  product_id uuid,
  name text COLLATE "C",
  quantity bigint NOT NULL,
  unit_price bigint NOT NULL,
  discount bigint NOT NULL,
  amount bigint NOT NULL,
  PRIMARY KEY (tenant_id, deal_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, product_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE deal_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deal_lines USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON deal_lines TO kith_app;
CREATE TABLE deal_stages (
  tenant_id uuid NOT NULL,
  deal_id uuid NOT NULL,
  id uuid NOT NULL,
  stage_id uuid NOT NULL,
  stage text COLLATE "C" NOT NULL,
  pipeline_id uuid NOT NULL,
  status text COLLATE "C" NOT NULL,
  amount bigint,
  currency text COLLATE "C",
  entered_at timestamp with time zone NOT NULL,
  left_at timestamp with time zone,
  member_id uuid,
  PRIMARY KEY (tenant_id, deal_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, stage_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE deal_stages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deal_stages USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON deal_stages TO kith_app;
CREATE TABLE deals (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  amount bigint,
  currency text COLLATE "C",
  pipeline_id uuid,
  stage_id uuid,
  stage text COLLATE "C",
  stage_folded text COLLATE "C",
  status text COLLATE "C",
  stage_entered_at timestamp with time zone,
  account_id uuid,
  contact_id uuid,
  lead_id uuid,
  product_id uuid,
  source_created_at timestamp with time zone,
  owner_id uuid,
  probability bigint,
  engaged_on date,
  expected_close_date date,
  closed_at timestamp with time zone,
  lost_reason text COLLATE "C",
  lost_reason_folded text COLLATE "C",
  type text COLLATE "C",
  type_folded text COLLATE "C",
  source text COLLATE "C",
  source_folded text COLLATE "C",
  next_step text COLLATE "C",
  next_step_folded text COLLATE "C",
  description text COLLATE "C",
  archived_at timestamp with time zone,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, product_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, stage_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX deals__account_id__id ON public.deals USING btree (tenant_id, account_id, id);
CREATE INDEX deals__contact_id__id ON public.deals USING btree (tenant_id, contact_id, id);
CREATE UNIQUE INDEX deals__external_id_folded ON public.deals USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX deals__owner_id__id ON public.deals USING btree (tenant_id, owner_id, id);
CREATE INDEX deals__pipeline_id__stage_id__currency ON public.deals USING btree (tenant_id, pipeline_id, stage_id, currency);
CREATE INDEX deals__stage_id__id ON public.deals USING btree (tenant_id, stage_id, id);
CREATE INDEX deals__status__expected_close_date ON public.deals USING btree (tenant_id, status, expected_close_date);
CREATE INDEX deals__status__updated_at__id ON public.deals USING btree (tenant_id, status, updated_at, id);
ALTER TABLE deals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deals USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON deals TO kith_app;
CREATE TABLE document_chunks (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  document_id uuid NOT NULL,
  run_id uuid NOT NULL,
  position bigint NOT NULL,
  page bigint,
  heading text COLLATE "C" NOT NULL,
  text text COLLATE "C" NOT NULL,
  overlap bigint NOT NULL,
  model text COLLATE "C",
  vector bytea,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, document_id) REFERENCES documents(tenant_id, id)
);
CREATE INDEX document_chunks__document_id__run_id__position ON public.document_chunks USING btree (tenant_id, document_id, run_id, "position");
ALTER TABLE document_chunks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON document_chunks USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON document_chunks TO kith_app;
CREATE TABLE document_states (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  live_id uuid,
  version bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX document_states__version ON public.document_states USING btree (tenant_id, version);
ALTER TABLE document_states FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON document_states USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON document_states TO kith_app;
CREATE TABLE documents (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  type text COLLATE "C",
  status text COLLATE "C",
  error text COLLATE "C",
  notice text COLLATE "C",
  enabled boolean,
  category text COLLATE "C",
  question text COLLATE "C",
  answer text COLLATE "C",
  transcript text COLLATE "C",
  chunk_size bigint,
  overlap bigint,
  original_name text COLLATE "C",
  original_name_folded text COLLATE "C",
  size bigint,
  page_count bigint,
  chunk_count bigint,
  characters bigint,
  model text COLLATE "C",
  model_folded text COLLATE "C",
  embedding text COLLATE "C",
  source_url text COLLATE "C",
  source_url_folded text COLLATE "C",
  content_id uuid,
  processed_at timestamp with time zone,
  processing_ms bigint,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX documents__embedding__id ON public.documents USING btree (tenant_id, embedding, id);
CREATE UNIQUE INDEX documents__external_id_folded ON public.documents USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX documents__name_folded__id ON public.documents USING btree (tenant_id, name_folded, id);
CREATE INDEX documents__status__id ON public.documents USING btree (tenant_id, status, id);
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON documents USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON documents TO kith_app;
CREATE TABLE duplicate_dismissals (
  tenant_id uuid NOT NULL,
  low_id uuid NOT NULL,
  high_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, low_id, high_id),
  FOREIGN KEY (tenant_id, high_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, low_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE duplicate_dismissals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_dismissals USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON duplicate_dismissals TO kith_app;
CREATE TABLE duplicate_groups (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  scan_id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  score double precision NOT NULL,
  members jsonb NOT NULL,
  closest jsonb NOT NULL,
  reasons jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, scan_id) REFERENCES duplicate_scans(tenant_id, id)
);
CREATE INDEX duplicate_groups__scan_id__id ON public.duplicate_groups USING btree (tenant_id, scan_id, id);
ALTER TABLE duplicate_groups FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_groups USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON duplicate_groups TO kith_app;
CREATE TABLE duplicate_keys (
  tenant_id uuid NOT NULL,
  key text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, key, record_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE duplicate_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_keys USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON duplicate_keys TO kith_app;
CREATE TABLE duplicate_scans (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  job_id uuid NOT NULL,
  threshold double precision NOT NULL,
  country text COLLATE "C" NOT NULL,
  phase text COLLATE "C" NOT NULL,
  records bigint NOT NULL,
  compared bigint NOT NULL,
  groups bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX duplicate_scans__object__id ON public.duplicate_scans USING btree (tenant_id, object, id);
ALTER TABLE duplicate_scans FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_scans USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON duplicate_scans TO kith_app;
CREATE TABLE duplicate_settings (
  tenant_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  threshold double precision NOT NULL,
  country text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
ALTER TABLE duplicate_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON duplicate_settings USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON duplicate_settings TO kith_app;
CREATE TABLE erased_records (
  tenant_id uuid NOT NULL,
  record_id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  batch_id uuid NOT NULL,
  erased_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, record_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE erased_records FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON erased_records USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON erased_records TO kith_app;
CREATE TABLE event_cursors (
  tenant_id uuid NOT NULL,
  reader text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (tenant_id, reader)
);
ALTER TABLE event_cursors FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON event_cursors USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON event_cursors TO kith_app;
CREATE TABLE event_order (
  tenant_id uuid NOT NULL,
  sequence bigint NOT NULL,
  event_id uuid NOT NULL,
  digest bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, sequence)
);
CREATE UNIQUE INDEX event_order__event_id ON public.event_order USING btree (tenant_id, event_id);
ALTER TABLE event_order FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON event_order USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON event_order TO kith_app;
CREATE TABLE event_readers (
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (name)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON event_readers TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON event_readers TO kith_platform;
CREATE TABLE event_salts (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  salt bytea NOT NULL,
  PRIMARY KEY (tenant_id, event_id)
);
ALTER TABLE event_salts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON event_salts USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON event_salts TO kith_app;
CREATE TABLE events (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  record_id uuid,
  member_id uuid,
  user_id uuid,
  credential_id uuid,
  via text COLLATE "C" NOT NULL,
  address text COLLATE "C",
  request_id uuid,
  batch_id uuid,
  at timestamp with time zone NOT NULL,
  changes text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX events__batch_id__id ON public.events USING btree (tenant_id, batch_id, id) WHERE (batch_id IS NOT NULL);
CREATE INDEX events__record_id__id ON public.events USING btree (tenant_id, record_id, id);
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY erasure ON events AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK ((changes IS NULL));
CREATE POLICY tenant ON events USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON events TO kith_app;
GRANT UPDATE (changes) ON events TO kith_app;
CREATE TABLE file_pieces (
  tenant_id uuid NOT NULL,
  file_id uuid NOT NULL,
  start bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (tenant_id, file_id, start),
  FOREIGN KEY (tenant_id, file_id) REFERENCES files(tenant_id, id)
);
ALTER TABLE file_pieces FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON file_pieces USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON file_pieces TO kith_app;
CREATE TABLE files (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  size bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE files FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON files USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON files TO kith_app;
CREATE TABLE handles (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  contact_id uuid,
  kind text COLLATE "C",
  handle text COLLATE "C",
  handle_folded text COLLATE "C",
  key text COLLATE "C",
  evidence text COLLATE "C",
  channel_id uuid,
  last_seen_at timestamp with time zone,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX handles__contact_id__id ON public.handles USING btree (tenant_id, contact_id, id);
CREATE UNIQUE INDEX handles__external_id_folded ON public.handles USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE UNIQUE INDEX handles__kind__key ON public.handles USING btree (tenant_id, kind, key) WHERE (deleted_at IS NULL);
ALTER TABLE handles FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON handles USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON handles TO kith_app;
CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL,
  key_hash bytea NOT NULL,
  body_hash bytea NOT NULL,
  status bigint NOT NULL,
  location text COLLATE "C",
  etag text COLLATE "C",
  answer bytea NOT NULL,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, key_hash)
);
CREATE INDEX idempotency_keys__created_at ON public.idempotency_keys USING btree (tenant_id, created_at);
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON idempotency_keys TO kith_app;
CREATE TABLE imports (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  file_name text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  wishes jsonb NOT NULL,
  plan jsonb,
  position jsonb,
  report jsonb NOT NULL,
  total_bytes bigint NOT NULL,
  error text COLLATE "C",
  member_id uuid,
  created_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  file_id uuid,
  run_id uuid,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON imports USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON imports TO kith_app;
CREATE TABLE inbound_deliveries (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  channel_id uuid NOT NULL,
  digest bytea NOT NULL,
  body text COLLATE "C" NOT NULL,
  encoding text COLLATE "C",
  state text COLLATE "C" NOT NULL,
  progress bigint NOT NULL,
  failures bigint NOT NULL,
  error text COLLATE "C",
  failed text COLLATE "C",
  again text COLLATE "C",
  bytes bigint NOT NULL,
  received_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX inbound_deliveries__channel_id__digest ON public.inbound_deliveries USING btree (tenant_id, channel_id, digest);
CREATE INDEX inbound_deliveries__channel_id__id ON public.inbound_deliveries USING btree (tenant_id, channel_id, id);
CREATE INDEX inbound_deliveries__channel_id__state__id ON public.inbound_deliveries USING btree (tenant_id, channel_id, state, id);
ALTER TABLE inbound_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON inbound_deliveries USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON inbound_deliveries TO kith_app;
CREATE TABLE installation (
  key text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (key)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON installation TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON installation TO kith_platform;
CREATE TABLE invites (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  email text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL,
  token_hash bytea NOT NULL,
  invited_by uuid,
  expires_at timestamp with time zone NOT NULL,
  accepted_at timestamp with time zone,
  revoked_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, invited_by) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX invites__email ON public.invites USING btree (tenant_id, email);
ALTER TABLE invites FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON invites USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON invites TO kith_app;
CREATE TABLE job_pruning (
  tenant_id uuid NOT NULL,
  due timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id)
);
CREATE INDEX job_pruning__due ON public.job_pruning USING btree (due);
GRANT DELETE, INSERT, SELECT, UPDATE ON job_pruning TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON job_pruning TO kith_platform;
CREATE TABLE jobs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  payload text COLLATE "C" NOT NULL,
  actor text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  due timestamp with time zone NOT NULL,
  error text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX jobs__state__finished_at ON public.jobs USING btree (tenant_id, state, finished_at);
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON jobs USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON jobs TO kith_app;
CREATE TABLE knowledge_states (
  tenant_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  model text COLLATE "C",
  width bigint,
  job_id uuid,
  error text COLLATE "C",
  failed_at timestamp with time zone,
  PRIMARY KEY (tenant_id, name)
);
ALTER TABLE knowledge_states FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON knowledge_states USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON knowledge_states TO kith_app;
CREATE TABLE labels (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  color text COLLATE "C",
  color_folded text COLLATE "C",
  description text COLLATE "C",
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX labels__external_id_folded ON public.labels USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX labels__name_folded ON public.labels USING btree (tenant_id, name_folded);
ALTER TABLE labels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON labels USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON labels TO kith_app;
CREATE TABLE leads (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  first_name text COLLATE "C",
  first_name_folded text COLLATE "C",
  last_name text COLLATE "C",
  last_name_folded text COLLATE "C",
  name text COLLATE "C",
  name_folded text COLLATE "C",
  email text COLLATE "C",
  email_folded text COLLATE "C",
  phone text COLLATE "C",
  phone_folded text COLLATE "C",
  mobile text COLLATE "C",
  mobile_folded text COLLATE "C",
  company text COLLATE "C",
  company_folded text COLLATE "C",
  job_title text COLLATE "C",
  job_title_folded text COLLATE "C",
  status text COLLATE "C",
  source text COLLATE "C",
  source_folded text COLLATE "C",
  qualification text COLLATE "C",
  score bigint,
  score_reason text COLLATE "C",
  score_reason_folded text COLLATE "C",
  conversion_probability bigint,
  estimated_value bigint,
  currency text COLLATE "C",
  account_id uuid,
  source_created_at timestamp with time zone,
  owner_id uuid,
  address_street text COLLATE "C",
  address_street_folded text COLLATE "C",
  address_city text COLLATE "C",
  address_city_folded text COLLATE "C",
  address_state text COLLATE "C",
  address_state_folded text COLLATE "C",
  address_postal_code text COLLATE "C",
  address_postal_code_folded text COLLATE "C",
  address_country text COLLATE "C",
  address_country_folded text COLLATE "C",
  website text COLLATE "C",
  website_folded text COLLATE "C",
  description text COLLATE "C",
  do_not_call boolean,
  do_not_text boolean,
  next_action text COLLATE "C",
  converted_at timestamp with time zone,
  converted_contact_id uuid,
  converted_account_id uuid,
  converted_deal_id uuid,
  archived_at timestamp with time zone,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, converted_account_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, converted_contact_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, converted_deal_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX leads__email_folded__id ON public.leads USING btree (tenant_id, email_folded, id);
CREATE UNIQUE INDEX leads__external_id_folded ON public.leads USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX leads__name_folded__id ON public.leads USING btree (tenant_id, name_folded, id);
CREATE INDEX leads__owner_id__id ON public.leads USING btree (tenant_id, owner_id, id);
CREATE INDEX leads__status__id ON public.leads USING btree (tenant_id, status, id);
ALTER TABLE leads FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON leads USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON leads TO kith_app;
CREATE TABLE links (
  tenant_id uuid NOT NULL,
  record_id uuid NOT NULL,
  relation text COLLATE "C" NOT NULL,
  target_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, record_id, relation, target_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, target_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX links__target_id__relation__record_id ON public.links USING btree (tenant_id, target_id, relation, record_id);
ALTER TABLE links FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON links USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON links TO kith_app;
CREATE TABLE llm_calls (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  capability text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  model text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  error text COLLATE "C",
  duration_ms bigint NOT NULL,
  first_token_ms bigint,
  prompt_tokens bigint NOT NULL,
  completion_tokens bigint NOT NULL,
  is_guess boolean NOT NULL,
  cost bigint,
  attempt bigint NOT NULL,
  attempts bigint NOT NULL,
  member_id uuid,
  request_id uuid,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE llm_calls FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON llm_calls USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON llm_calls TO kith_app;
CREATE TABLE llm_settings (
  tenant_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  settings text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
ALTER TABLE llm_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON llm_settings USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON llm_settings TO kith_app;
CREATE TABLE llm_sums (
  tenant_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
ALTER TABLE llm_sums FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON llm_sums USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON llm_sums TO kith_app;
CREATE TABLE llm_usage (
  tenant_id uuid NOT NULL,
  day bigint NOT NULL,
  provider text COLLATE "C" NOT NULL,
  model text COLLATE "C" NOT NULL,
  capability text COLLATE "C" NOT NULL,
  requests bigint NOT NULL,
  calls bigint NOT NULL,
  failures bigint NOT NULL,
  prompt_tokens bigint NOT NULL,
  completion_tokens bigint NOT NULL,
  cost bigint NOT NULL,
  PRIMARY KEY (tenant_id, day, provider, model, capability)
);
ALTER TABLE llm_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON llm_usage USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON llm_usage TO kith_app;
CREATE TABLE lookups (
  kind text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (kind, hash)
);
CREATE INDEX lookups__tenant_id__id ON public.lookups USING btree (tenant_id, id);
GRANT DELETE, INSERT, SELECT, UPDATE ON lookups TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON lookups TO kith_platform;
CREATE TABLE mailboxes (
  tenant_id uuid NOT NULL,
  channel_id uuid NOT NULL,
  ticket uuid NOT NULL,
  place text COLLATE "C",
  validity bigint,
  next_uid bigint,
  failures bigint NOT NULL,
  PRIMARY KEY (tenant_id, channel_id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE mailboxes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON mailboxes USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON mailboxes TO kith_app;
CREATE TABLE mails (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  to_address text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  body text COLLATE "C",
  html text COLLATE "C",
  message_id text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  error text COLLATE "C",
  created_at timestamp with time zone NOT NULL,
  sent_at timestamp with time zone,
  PRIMARY KEY (id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON mails TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON mails TO kith_platform;
CREATE TABLE members (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  name_folded text COLLATE "C",
  email text COLLATE "C",
  email_folded text COLLATE "C",
  phone text COLLATE "C",
  phone_folded text COLLATE "C",
  job_title text COLLATE "C",
  job_title_folded text COLLATE "C",
  manager_id uuid,
  regional_office text COLLATE "C",
  regional_office_folded text COLLATE "C",
  timezone text COLLATE "C",
  timezone_folded text COLLATE "C",
  role text COLLATE "C" NOT NULL DEFAULT 'member'::text,
  status text COLLATE "C" NOT NULL DEFAULT 'active'::text,
  user_id uuid,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, manager_id) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX members__external_id_folded ON public.members USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX members__name_folded ON public.members USING btree (tenant_id, name_folded);
CREATE INDEX members__user_id ON public.members USING btree (tenant_id, user_id);
ALTER TABLE members FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON members USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON members TO kith_app;
CREATE TABLE memberships (
  user_id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  member_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (user_id, tenant_id),
  FOREIGN KEY (tenant_id) REFERENCES tenants(id),
  FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX memberships__tenant_id ON public.memberships USING btree (tenant_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON memberships TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON memberships TO kith_platform;
CREATE TABLE merge_moves (
  tenant_id uuid NOT NULL,
  merge_id uuid NOT NULL,
  record_id uuid NOT NULL,
  field text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  from_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, merge_id, record_id, field),
  FOREIGN KEY (tenant_id, from_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, merge_id) REFERENCES merges(tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE merge_moves FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON merge_moves USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON merge_moves TO kith_app;
CREATE TABLE merged_records (
  tenant_id uuid NOT NULL,
  record_id uuid NOT NULL,
  merge_id uuid NOT NULL,
  primary_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, record_id),
  FOREIGN KEY (tenant_id, merge_id) REFERENCES merges(tenant_id, id),
  FOREIGN KEY (tenant_id, primary_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE merged_records FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON merged_records USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON merged_records TO kith_app;
CREATE TABLE merges (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  primary_id uuid NOT NULL,
  others jsonb NOT NULL,
  changes jsonb NOT NULL,
  created_by uuid,
  created_at timestamp with time zone NOT NULL,
  undone_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, primary_id) REFERENCES anchors(tenant_id, id)
);
ALTER TABLE merges FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON merges USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON merges TO kith_app;
CREATE TABLE message_templates (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  category text COLLATE "C",
  category_folded text COLLATE "C",
  language text COLLATE "C",
  language_folded text COLLATE "C",
  content text COLLATE "C",
  variables text COLLATE "C",
  is_active boolean,
  channel_id uuid,
  approved_name text COLLATE "C",
  approved_name_folded text COLLATE "C",
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX message_templates__external_id_folded ON public.message_templates USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX message_templates__name_folded__id ON public.message_templates USING btree (tenant_id, name_folded, id);
ALTER TABLE message_templates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON message_templates USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON message_templates TO kith_app;
CREATE TABLE messages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  conversation_id uuid,
  content text COLLATE "C",
  type text COLLATE "C",
  sender text COLLATE "C",
  is_note boolean,
  template_id uuid,
  variables text COLLATE "C",
  attachment_id uuid,
  metadata text COLLATE "C",
  reply_to_id uuid,
  channel_id uuid,
  contact_id uuid,
  direction text COLLATE "C",
  sequence bigint,
  status text COLLATE "C",
  source_id text COLLATE "C",
  error text COLLATE "C",
  member_id uuid,
  agent_id uuid,
  turn bigint,
  is_automatic boolean,
  is_read boolean,
  sent_at timestamp with time zone,
  delivered_at timestamp with time zone,
  read_at timestamp with time zone,
  edited_at timestamp with time zone,
  sending_job uuid,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, attachment_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, reply_to_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, template_id) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX messages__channel_id__source_id ON public.messages USING btree (tenant_id, channel_id, source_id) WHERE (source_id IS NOT NULL);
CREATE INDEX messages__contact_id__id ON public.messages USING btree (tenant_id, contact_id, id);
CREATE INDEX messages__conversation_id__direction__id ON public.messages USING btree (tenant_id, conversation_id, direction, id);
CREATE UNIQUE INDEX messages__conversation_id__sequence ON public.messages USING btree (tenant_id, conversation_id, sequence);
CREATE INDEX messages__conversation_id__status ON public.messages USING btree (tenant_id, conversation_id, status) WHERE (status = ANY (ARRAY['queued'::text, 'sending'::text]));
CREATE UNIQUE INDEX messages__external_id_folded ON public.messages USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON messages USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON messages TO kith_app;
CREATE TABLE notes (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  title text COLLATE "C",
  title_folded text COLLATE "C",
  content text COLLATE "C",
  related_id uuid,
  related_to text COLLATE "C",
  related_to_folded text COLLATE "C",
  deal_id uuid,
  owner_id uuid,
  is_pinned boolean,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX notes__deal_id__id ON public.notes USING btree (tenant_id, deal_id, id) WHERE (deal_id IS NOT NULL);
CREATE UNIQUE INDEX notes__external_id_folded ON public.notes USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX notes__related_id__id ON public.notes USING btree (tenant_id, related_id, id);
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notes USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON notes TO kith_app;
CREATE TABLE notifications (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  member_id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  title text COLLATE "C" NOT NULL,
  created_at timestamp with time zone NOT NULL,
  read_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX notifications__member_id__id ON public.notifications USING btree (tenant_id, member_id, id);
CREATE INDEX notifications__member_id__read_at__id ON public.notifications USING btree (tenant_id, member_id, read_at, id);
CREATE INDEX notifications__record_id__id ON public.notifications USING btree (tenant_id, record_id, id);
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notifications USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON notifications TO kith_app;
CREATE TABLE object_records (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  description text COLLATE "C",
  owner_id uuid,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX object_records__object__external_id_folded ON public.object_records USING btree (tenant_id, object, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX object_records__object__id ON public.object_records USING btree (tenant_id, object, id);
CREATE INDEX object_records__object__name_folded__id ON public.object_records USING btree (tenant_id, object, name_folded, id);
CREATE INDEX object_records__object__owner_id__id ON public.object_records USING btree (tenant_id, object, owner_id, id);
ALTER TABLE object_records FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON object_records USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON object_records TO kith_app;
CREATE TABLE objects (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  label text COLLATE "C" NOT NULL,
  plural_label text COLLATE "C" NOT NULL,
  description text COLLATE "C",
  created_by uuid,
  created_at timestamp with time zone NOT NULL,
  deleted_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX objects__name ON public.objects USING btree (tenant_id, name);
ALTER TABLE objects FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON objects USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON objects TO kith_app;
CREATE TABLE password_resets (
  token_hash bytea NOT NULL,
  user_id uuid NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  PRIMARY KEY (token_hash),
  FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX password_resets__expires_at ON public.password_resets USING btree (expires_at);
CREATE INDEX password_resets__user_id__expires_at ON public.password_resets USING btree (user_id, expires_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON password_resets TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON password_resets TO kith_platform;
CREATE TABLE pipelines (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  description text COLLATE "C",
  is_default boolean,
  position bigint,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX pipelines__external_id_folded ON public.pipelines USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
ALTER TABLE pipelines FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON pipelines USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON pipelines TO kith_app;
CREATE TABLE products (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  code text COLLATE "C",
  code_folded text COLLATE "C",
  series text COLLATE "C",
  series_folded text COLLATE "C",
  price bigint,
  currency text COLLATE "C",
  description text COLLATE "C",
  is_active boolean,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX products__external_id_folded ON public.products USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX products__name_folded__id ON public.products USING btree (tenant_id, name_folded, id);
ALTER TABLE products FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON products USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON products TO kith_app;
CREATE TABLE provider_key_settings (
  tenant_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  own_keys boolean NOT NULL,
  PRIMARY KEY (tenant_id, name)
);
ALTER TABLE provider_key_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON provider_key_settings USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON provider_key_settings TO kith_app;
CREATE TABLE provider_keys (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  service text COLLATE "C" NOT NULL,
  member_id uuid,
  secret bytea NOT NULL,
  hint text COLLATE "C" NOT NULL,
  created_by uuid,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX provider_keys__member_id__service ON public.provider_keys USING btree (tenant_id, member_id, service) WHERE (member_id IS NOT NULL);
CREATE UNIQUE INDEX provider_keys__service ON public.provider_keys USING btree (tenant_id, service) WHERE (member_id IS NULL);
ALTER TABLE provider_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON provider_keys USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON provider_keys TO kith_app;
CREATE TABLE recovery_codes (
  user_id uuid NOT NULL,
  code_hash bytea NOT NULL,
  used_at timestamp with time zone,
  PRIMARY KEY (user_id, code_hash),
  FOREIGN KEY (user_id) REFERENCES users(id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON recovery_codes TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON recovery_codes TO kith_platform;
CREATE TABLE refresh_tokens (
  token_hash bytea NOT NULL,
  session_id uuid NOT NULL,
  tenant_id uuid,
  created_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  expires_at timestamp with time zone NOT NULL,
  PRIMARY KEY (token_hash),
  FOREIGN KEY (session_id) REFERENCES sessions(id)
);
CREATE INDEX refresh_tokens__expires_at ON public.refresh_tokens USING btree (expires_at);
CREATE INDEX refresh_tokens__session_id ON public.refresh_tokens USING btree (session_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON refresh_tokens TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON refresh_tokens TO kith_platform;
CREATE TABLE retention (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  event_days bigint,
  event_bytes bigint,
  notification_days bigint,
  mail_days bigint,
  failed_job_days bigint,
  import_file_days bigint,
  trash_days bigint,
  events_before timestamp with time zone,
  erased_before timestamp with time zone,
  trash_before timestamp with time zone,
  job_id uuid,
  kept_at timestamp with time zone,
  PRIMARY KEY (tenant_id, id)
);
ALTER TABLE retention FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON retention USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON retention TO kith_app;
CREATE TABLE rollup_parts (
  tenant_id uuid NOT NULL,
  record_id uuid NOT NULL,
  parts text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, record_id)
);
ALTER TABLE rollup_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rollup_parts USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON rollup_parts TO kith_app;
CREATE TABLE rollups (
  tenant_id uuid NOT NULL,
  measure text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  slot bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  count bigint NOT NULL,
  sum_high bigint NOT NULL,
  sum_low bigint NOT NULL,
  PRIMARY KEY (tenant_id, measure, object, slot, key)
);
ALTER TABLE rollups FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rollups USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON rollups TO kith_app;
CREATE TABLE schema_migrations (
  name text COLLATE "C" NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE search_documents (
  tenant_id uuid NOT NULL,
  record_id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  words tsvector NOT NULL,
  PRIMARY KEY (tenant_id, record_id)
);
CREATE INDEX search_documents_words ON public.search_documents USING gin (words);
GRANT DELETE, INSERT, SELECT, UPDATE ON search_documents TO kith_app;
CREATE TABLE second_factors (
  user_id uuid NOT NULL,
  secret bytea NOT NULL,
  confirmed_at timestamp with time zone,
  last_step bigint NOT NULL,
  failures bigint NOT NULL,
  failed_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (user_id),
  FOREIGN KEY (user_id) REFERENCES users(id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON second_factors TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON second_factors TO kith_platform;
CREATE TABLE sessions (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  tenant_id uuid,
  member_id uuid,
  created_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  address text COLLATE "C",
  agent text COLLATE "C",
  PRIMARY KEY (id),
  FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX sessions__expires_at ON public.sessions USING btree (expires_at);
CREATE INDEX sessions__user_id ON public.sessions USING btree (user_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON sessions TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON sessions TO kith_platform;
CREATE TABLE stages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name text COLLATE "C",
  name_folded text COLLATE "C",
  pipeline_id uuid,
  position bigint,
  outcome text COLLATE "C",
  probability bigint,
  color text COLLATE "C",
  color_folded text COLLATE "C",
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES anchors(tenant_id, id)
);
CREATE UNIQUE INDEX stages__external_id_folded ON public.stages USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX stages__pipeline_id__position ON public.stages USING btree (tenant_id, pipeline_id, "position");
ALTER TABLE stages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stages USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON stages TO kith_app;
CREATE TABLE stored_files (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  state text COLLATE "C" NOT NULL,
  size bigint NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX stored_files__state__id ON public.stored_files USING btree (tenant_id, state, id);
ALTER TABLE stored_files FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stored_files USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON stored_files TO kith_app;
CREATE TABLE suppressions (
  tenant_id uuid NOT NULL,
  hash bytea NOT NULL,
  kind text COLLATE "C" NOT NULL,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, hash)
);
ALTER TABLE suppressions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON suppressions USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON suppressions TO kith_app;
CREATE TABLE syncs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  asked jsonb NOT NULL,
  progress jsonb NOT NULL,
  at_work boolean,
  run_id uuid,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX syncs__at_work ON public.syncs USING btree (tenant_id, at_work) WHERE (at_work IS NOT NULL);
ALTER TABLE syncs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON syncs USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON syncs TO kith_app;
CREATE TABLE tasks (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  title text COLLATE "C",
  title_folded text COLLATE "C",
  description text COLLATE "C",
  status text COLLATE "C",
  priority text COLLATE "C",
  due_at timestamp with time zone,
  remind_at timestamp with time zone,
  reminded_at timestamp with time zone,
  repeat_every text COLLATE "C",
  repeat_interval bigint,
  repeat_until date,
  next_id uuid,
  related_id uuid,
  related_to text COLLATE "C",
  related_to_folded text COLLATE "C",
  deal_id uuid,
  owner_id uuid,
  completed_at timestamp with time zone,
  archived_at timestamp with time zone,
  external_id text COLLATE "C",
  external_id_folded text COLLATE "C",
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  created_by uuid,
  deleted_at timestamp with time zone,
  batch_id uuid,
  custom jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, next_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX tasks__deal_id__id ON public.tasks USING btree (tenant_id, deal_id, id) WHERE (deal_id IS NOT NULL);
CREATE INDEX tasks__due_at__id ON public.tasks USING btree (tenant_id, due_at, id);
CREATE UNIQUE INDEX tasks__external_id_folded ON public.tasks USING btree (tenant_id, external_id_folded) WHERE ((external_id_folded IS NOT NULL) AND (deleted_at IS NULL));
CREATE INDEX tasks__owner_id__due_at__id ON public.tasks USING btree (tenant_id, owner_id, due_at, id);
CREATE INDEX tasks__related_id__id ON public.tasks USING btree (tenant_id, related_id, id);
ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tasks USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON tasks TO kith_app;
CREATE TABLE tenants (
  id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  slug text COLLATE "C" NOT NULL,
  currency text COLLATE "C" NOT NULL,
  timezone text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  deleted_at timestamp with time zone,
  arriving_since timestamp with time zone,
  PRIMARY KEY (id)
);
CREATE UNIQUE INDEX tenants__slug ON public.tenants USING btree (slug);
GRANT DELETE, INSERT, SELECT, UPDATE ON tenants TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON tenants TO kith_platform;
CREATE TABLE unread_events (
  reader text COLLATE "C" NOT NULL,
  tenant_id uuid NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (reader, tenant_id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON unread_events TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON unread_events TO kith_platform;
CREATE TABLE unsealed_events (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, event_id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON unsealed_events TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON unsealed_events TO kith_platform;
CREATE TABLE users (
  id uuid NOT NULL,
  email text COLLATE "C" NOT NULL,
  email_folded text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  password_hash text COLLATE "C",
  platform_admin boolean NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  PRIMARY KEY (id)
);
CREATE UNIQUE INDEX users__email_folded ON public.users USING btree (email_folded);
GRANT DELETE, INSERT, SELECT, UPDATE ON users TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON users TO kith_platform;
CREATE TABLE views (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  object text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  rule jsonb NOT NULL,
  sort text COLLATE "C" NOT NULL,
  columns jsonb NOT NULL,
  layout text COLLATE "C" NOT NULL,
  shared boolean NOT NULL,
  owner_id uuid,
  version bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors(tenant_id, id)
);
CREATE INDEX views__owner_id__id ON public.views USING btree (tenant_id, owner_id, id);
ALTER TABLE views FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON views USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON views TO kith_app;
CREATE TABLE wakeups (
  job_id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  due timestamp with time zone NOT NULL,
  lease_id uuid,
  PRIMARY KEY (job_id)
);
CREATE INDEX wakeups__due__tenant_id ON public.wakeups USING btree (due, tenant_id);
CREATE INDEX wakeups__tenant_id__due ON public.wakeups USING btree (tenant_id, due);
GRANT DELETE, INSERT, SELECT, UPDATE ON wakeups TO kith_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON wakeups TO kith_platform;
CREATE TABLE win_models (
  tenant_id uuid NOT NULL,
  name text COLLATE "C" NOT NULL,
  model text COLLATE "C",
  trained_at timestamp with time zone,
  asked_at timestamp with time zone,
  PRIMARY KEY (tenant_id, name)
);
ALTER TABLE win_models FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON win_models USING ((tenant_id = (NULLIF(current_setting('kith.tenant'::text, true), ''::text))::uuid));
GRANT DELETE, INSERT, SELECT, UPDATE ON win_models TO kith_app;
