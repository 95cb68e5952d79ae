CREATE TABLE accounts (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  domain TEXT,
  domain_folded TEXT,
  website TEXT,
  website_folded TEXT,
  industry TEXT,
  industry_folded TEXT,
  type TEXT,
  phone TEXT,
  phone_folded TEXT,
  email TEXT,
  email_folded TEXT,
  annual_revenue INTEGER,
  currency TEXT,
  employee_count INTEGER,
  founded_year INTEGER,
  parent_id BLOB,
  source_created_at INTEGER,
  owner_id BLOB,
  address_street TEXT,
  address_street_folded TEXT,
  address_city TEXT,
  address_city_folded TEXT,
  address_state TEXT,
  address_state_folded TEXT,
  address_postal_code TEXT,
  address_postal_code_folded TEXT,
  address_country TEXT,
  address_country_folded TEXT,
  description TEXT,
  score INTEGER,
  score_reason TEXT,
  score_reason_folded TEXT,
  health_status TEXT,
  next_action TEXT,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, parent_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX accounts__external_id_folded ON accounts (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX accounts__name_folded__id ON accounts (tenant_id, name_folded, id);
CREATE INDEX accounts__owner_id__id ON accounts (tenant_id, owner_id, id);
CREATE INDEX accounts__parent_id__id ON accounts (tenant_id, parent_id, id);
CREATE TABLE activities (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  type TEXT,
  subject TEXT,
  subject_folded TEXT,
  body TEXT,
  status TEXT,
  starts_at INTEGER,
  due_at INTEGER,
  duration_minutes INTEGER,
  priority TEXT,
  outcome TEXT,
  sentiment TEXT,
  summary TEXT,
  location TEXT,
  location_folded TEXT,
  related_id BLOB,
  related_to TEXT,
  related_to_folded TEXT,
  deal_id BLOB,
  source_created_at INTEGER,
  owner_id BLOB,
  completed_at INTEGER,
  archived_at INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX activities__deal_id__id ON activities (tenant_id, deal_id, id) WHERE deal_id IS NOT NULL;
CREATE INDEX activities__due_at__id ON activities (tenant_id, due_at, id);
CREATE UNIQUE INDEX activities__external_id_folded ON activities (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX activities__owner_id__due_at__id ON activities (tenant_id, owner_id, due_at, id);
CREATE INDEX activities__related_id__id ON activities (tenant_id, related_id, id);
CREATE INDEX activities__starts_at__id ON activities (tenant_id, starts_at, id);
CREATE TABLE agents (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  description TEXT,
  type TEXT,
  role TEXT,
  role_folded TEXT,
  personality TEXT,
  instructions TEXT,
  language TEXT,
  language_folded TEXT,
  model TEXT,
  model_folded TEXT,
  routing TEXT,
  temperature REAL,
  max_tokens INTEGER,
  tools TEXT,
  permission TEXT,
  document_ids TEXT,
  evidence REAL,
  working_hours TEXT,
  escalation TEXT,
  disclosure TEXT,
  greeting TEXT,
  pause_seconds INTEGER,
  is_active INTEGER,
  status TEXT,
  status_reason TEXT,
  trained_at INTEGER,
  training TEXT,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX agents__external_id_folded ON agents (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX agents__name_folded__id ON agents (tenant_id, name_folded, id);
CREATE TABLE ai_actions (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  conversation_id BLOB NOT NULL,
  tool TEXT NOT NULL,
  arguments TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  decided_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX ai_actions__conversation_id__id ON ai_actions (tenant_id, conversation_id, id);
CREATE TABLE ai_conversations (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  member_id BLOB NOT NULL,
  agent_name TEXT NOT NULL,
  status TEXT NOT NULL,
  title TEXT,
  title_is_set INTEGER NOT NULL,
  topic TEXT,
  metadata TEXT,
  message_count INTEGER NOT NULL,
  last_message_at INTEGER,
  last_excerpt TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX ai_conversations__member_id__updated_at__id ON ai_conversations (tenant_id, member_id, updated_at, id);
CREATE TABLE ai_messages (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  conversation_id BLOB NOT NULL,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  metadata TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX ai_messages__conversation_id__id ON ai_messages (tenant_id, conversation_id, id);
CREATE TABLE anchors (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  object TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE api_keys (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  key_hash BLOB NOT NULL,
  scopes TEXT NOT NULL,
  role TEXT NOT NULL,
  member_id BLOB NOT NULL,
  requests_per_minute INTEGER,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE TABLE attachments (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  content_type TEXT,
  content_type_folded TEXT,
  size INTEGER,
  sha256 TEXT,
  sha256_folded TEXT,
  content_id BLOB,
  related_id BLOB,
  related_to TEXT,
  related_to_folded TEXT,
  deal_id BLOB,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX attachments__deal_id__id ON attachments (tenant_id, deal_id, id) WHERE deal_id IS NOT NULL;
CREATE UNIQUE INDEX attachments__external_id_folded ON attachments (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX attachments__name_folded__id ON attachments (tenant_id, name_folded, id);
CREATE INDEX attachments__related_id__id ON attachments (tenant_id, related_id, id);
CREATE TABLE batch_faults (
  tenant_id BLOB NOT NULL,
  batch_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  object TEXT NOT NULL,
  verdict TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (tenant_id, batch_id, record_id),
  FOREIGN KEY (tenant_id, batch_id) REFERENCES batches (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE batches (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  action TEXT NOT NULL,
  member_id BLOB,
  user_id BLOB,
  state TEXT NOT NULL,
  total INTEGER,
  counts TEXT NOT NULL,
  wishes TEXT,
  position BLOB,
  revision INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  undo_of BLOB,
  undone_by BLOB,
  undone_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE TABLE bundle_imports (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  state TEXT NOT NULL,
  file_id BLOB NOT NULL,
  file_name TEXT NOT NULL,
  name TEXT,
  made_id BLOB,
  slug TEXT,
  phase TEXT,
  percent INTEGER,
  rows INTEGER,
  done INTEGER NOT NULL,
  joined INTEGER,
  named INTEGER,
  code TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE TABLE calendar_feeds (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  member_id BLOB NOT NULL,
  revoked_at INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX calendar_feeds__member_id__id ON calendar_feeds (tenant_id, member_id, id);
CREATE TABLE channel_identities (
  kind TEXT NOT NULL,
  hash BLOB NOT NULL,
  tenant_id BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  claimed_at INTEGER NOT NULL,
  PRIMARY KEY (kind, hash, tenant_id, channel_id)
) STRICT;
CREATE INDEX channel_identities__tenant_id__channel_id ON channel_identities (tenant_id, channel_id);
CREATE TABLE channel_secrets (
  tenant_id BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  name TEXT NOT NULL,
  secret BLOB NOT NULL,
  PRIMARY KEY (tenant_id, channel_id, name),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE TABLE channels (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  type TEXT,
  config TEXT,
  is_active INTEGER,
  status TEXT,
  status_reason TEXT,
  connected_at INTEGER,
  secrets_changed_at INTEGER,
  agent_id BLOB,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX channels__external_id_folded ON channels (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX channels__name_folded__id ON channels (tenant_id, name_folded, id);
CREATE INDEX channels__type__id ON channels (tenant_id, type, id);
CREATE TABLE contacts (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  first_name TEXT,
  first_name_folded TEXT,
  last_name TEXT,
  last_name_folded TEXT,
  name TEXT,
  name_folded TEXT,
  email TEXT,
  email_folded TEXT,
  phone TEXT,
  phone_folded TEXT,
  mobile TEXT,
  mobile_folded TEXT,
  job_title TEXT,
  job_title_folded TEXT,
  department TEXT,
  department_folded TEXT,
  company TEXT,
  company_folded TEXT,
  account_id BLOB,
  source_created_at INTEGER,
  owner_id BLOB,
  source TEXT,
  source_folded TEXT,
  status TEXT,
  address_street TEXT,
  address_street_folded TEXT,
  address_city TEXT,
  address_city_folded TEXT,
  address_state TEXT,
  address_state_folded TEXT,
  address_postal_code TEXT,
  address_postal_code_folded TEXT,
  address_country TEXT,
  address_country_folded TEXT,
  avatar_url TEXT,
  avatar_url_folded TEXT,
  description TEXT,
  do_not_call INTEGER,
  do_not_text INTEGER,
  sentiment TEXT,
  lead_score INTEGER,
  score_reason TEXT,
  score_reason_folded TEXT,
  next_action TEXT,
  last_contacted_at INTEGER,
  last_message_at INTEGER,
  total_spend INTEGER,
  currency TEXT,
  visits INTEGER,
  last_purchase_date TEXT,
  lead_id BLOB,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX contacts__account_id__id ON contacts (tenant_id, account_id, id);
CREATE INDEX contacts__address_city_folded__id ON contacts (tenant_id, address_city_folded, id);
CREATE INDEX contacts__email_folded__id ON contacts (tenant_id, email_folded, id);
CREATE UNIQUE INDEX contacts__external_id_folded ON contacts (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX contacts__name_folded__id ON contacts (tenant_id, name_folded, id);
CREATE INDEX contacts__owner_id__id ON contacts (tenant_id, owner_id, id);
CREATE TABLE conversations (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  channel_id BLOB,
  contact_id BLOB,
  thread_id TEXT,
  subject TEXT,
  subject_folded TEXT,
  status TEXT,
  priority TEXT,
  agent_id BLOB,
  assignee_id BLOB,
  speaker TEXT,
  turn INTEGER,
  handed_over_at INTEGER,
  hand_over_reason TEXT,
  snoozed_until INTEGER,
  started_at INTEGER,
  ended_at INTEGER,
  close_reason TEXT,
  close_reason_folded TEXT,
  summary TEXT,
  rating INTEGER,
  customer_name TEXT,
  customer_name_folded TEXT,
  customer_handle TEXT,
  customer_handle_folded TEXT,
  last_message_at INTEGER,
  last_message TEXT,
  last_message_folded TEXT,
  last_inbound_at INTEGER,
  waiting_since INTEGER,
  first_response_at INTEGER,
  message_count INTEGER,
  unread_count INTEGER,
  free_form_until INTEGER,
  can_send_always INTEGER,
  can_send_templates INTEGER,
  first_response_seconds INTEGER,
  resolution_seconds INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, assignee_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX conversations__agent_id__id ON conversations (tenant_id, agent_id, id);
CREATE INDEX conversations__assignee_id__id ON conversations (tenant_id, assignee_id, id);
CREATE UNIQUE INDEX conversations__channel_id__thread_id ON conversations (tenant_id, channel_id, thread_id) WHERE thread_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX conversations__contact_id__id ON conversations (tenant_id, contact_id, id);
CREATE UNIQUE INDEX conversations__external_id_folded ON conversations (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX conversations__last_message_at__id ON conversations (tenant_id, last_message_at, id);
CREATE INDEX conversations__snoozed_until ON conversations (tenant_id, snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX conversations__status__last_message_at__id ON conversations (tenant_id, status, last_message_at, id);
CREATE TABLE credit_entries (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  reserved INTEGER NOT NULL,
  taken TEXT NOT NULL,
  used INTEGER,
  capability TEXT NOT NULL,
  member_id BLOB,
  request_id BLOB,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE credit_grants (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  amount INTEGER NOT NULL,
  remaining INTEGER NOT NULL,
  expires_at INTEGER,
  note TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE custom_fields (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  object TEXT NOT NULL,
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  kind TEXT NOT NULL,
  options TEXT,
  required INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER, is_unique INTEGER NOT NULL DEFAULT FALSE, default_value TEXT, target TEXT, currency TEXT, purged_at INTEGER, converting_from TEXT,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX custom_fields__object__name ON custom_fields (tenant_id, object, name);
CREATE TABLE custom_uniques (
  tenant_id BLOB NOT NULL,
  field_id BLOB NOT NULL,
  value TEXT NOT NULL,
  record_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, field_id, value),
  FOREIGN KEY (tenant_id, field_id) REFERENCES custom_fields (tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX custom_uniques__record_id__field_id ON custom_uniques (tenant_id, record_id, field_id);
CREATE TABLE custom_values (
  tenant_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  field_id BLOB NOT NULL,
  words TEXT,
  number REAL,
  instant INTEGER,
  flag INTEGER, minor INTEGER,
  PRIMARY KEY (tenant_id, record_id, field_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, field_id) REFERENCES custom_fields (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX custom_values__field_id__instant__record_id ON custom_values (tenant_id, field_id, instant, record_id);
CREATE INDEX custom_values__field_id__minor__record_id ON custom_values (tenant_id, field_id, minor, record_id);
CREATE INDEX custom_values__field_id__number__record_id ON custom_values (tenant_id, field_id, number, record_id);
CREATE INDEX custom_values__field_id__words__record_id ON custom_values (tenant_id, field_id, words, record_id);
CREATE TABLE deal_lines (
  tenant_id BLOB NOT NULL,
  deal_id BLOB NOT NULL,
  id BLOB NOT NULL,
  product_id BLOB,
  name TEXT,
  quantity INTEGER NOT NULL,
  unit_price INTEGER NOT NULL,
  discount INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, deal_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, product_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE deal_stages (
  tenant_id BLOB NOT NULL,
  deal_id BLOB NOT NULL,
  id BLOB NOT NULL,
  stage_id BLOB NOT NULL,
  stage TEXT NOT NULL,
  pipeline_id BLOB NOT NULL,
  status TEXT NOT NULL,
  amount INTEGER,
  currency TEXT,
  entered_at INTEGER NOT NULL,
  left_at INTEGER,
  member_id BLOB,
  PRIMARY KEY (tenant_id, deal_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, stage_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE deals (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  amount INTEGER,
  currency TEXT,
  pipeline_id BLOB,
  stage_id BLOB,
  stage TEXT,
  stage_folded TEXT,
  status TEXT,
  stage_entered_at INTEGER,
  account_id BLOB,
  contact_id BLOB,
  lead_id BLOB,
  product_id BLOB,
  source_created_at INTEGER,
  owner_id BLOB,
  probability INTEGER,
  engaged_on TEXT,
  expected_close_date TEXT,
  closed_at INTEGER,
  lost_reason TEXT,
  lost_reason_folded TEXT,
  type TEXT,
  type_folded TEXT,
  source TEXT,
  source_folded TEXT,
  next_step TEXT,
  next_step_folded TEXT,
  description TEXT,
  archived_at INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, stage_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, product_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX deals__account_id__id ON deals (tenant_id, account_id, id);
CREATE INDEX deals__contact_id__id ON deals (tenant_id, contact_id, id);
CREATE UNIQUE INDEX deals__external_id_folded ON deals (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX deals__owner_id__id ON deals (tenant_id, owner_id, id);
CREATE INDEX deals__pipeline_id__stage_id__currency ON deals (tenant_id, pipeline_id, stage_id, currency);
CREATE INDEX deals__stage_id__id ON deals (tenant_id, stage_id, id);
CREATE INDEX deals__status__expected_close_date ON deals (tenant_id, status, expected_close_date);
CREATE INDEX deals__status__updated_at__id ON deals (tenant_id, status, updated_at, id);
CREATE TABLE document_chunks (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  document_id BLOB NOT NULL,
  run_id BLOB NOT NULL,
  position INTEGER NOT NULL,
  page INTEGER,
  heading TEXT NOT NULL,
  text TEXT NOT NULL,
  overlap INTEGER NOT NULL,
  model TEXT,
  vector BLOB,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id)
) STRICT;
CREATE INDEX document_chunks__document_id__run_id__position ON document_chunks (tenant_id, document_id, run_id, position);
CREATE TABLE document_states (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  run_id BLOB NOT NULL,
  live_id BLOB,
  version INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_states__version ON document_states (tenant_id, version);
CREATE TABLE documents (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  type TEXT,
  status TEXT,
  error TEXT,
  notice TEXT,
  enabled INTEGER,
  category TEXT,
  question TEXT,
  answer TEXT,
  transcript TEXT,
  chunk_size INTEGER,
  overlap INTEGER,
  original_name TEXT,
  original_name_folded TEXT,
  size INTEGER,
  page_count INTEGER,
  chunk_count INTEGER,
  characters INTEGER,
  model TEXT,
  model_folded TEXT,
  embedding TEXT,
  source_url TEXT,
  source_url_folded TEXT,
  content_id BLOB,
  processed_at INTEGER,
  processing_ms INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX documents__embedding__id ON documents (tenant_id, embedding, id);
CREATE UNIQUE INDEX documents__external_id_folded ON documents (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX documents__name_folded__id ON documents (tenant_id, name_folded, id);
CREATE INDEX documents__status__id ON documents (tenant_id, status, id);
CREATE TABLE duplicate_dismissals (
  tenant_id BLOB NOT NULL,
  low_id BLOB NOT NULL,
  high_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, low_id, high_id),
  FOREIGN KEY (tenant_id, low_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, high_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE duplicate_groups (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  scan_id BLOB NOT NULL,
  object TEXT NOT NULL,
  score REAL NOT NULL,
  members TEXT NOT NULL,
  closest TEXT NOT NULL,
  reasons TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, scan_id) REFERENCES duplicate_scans (tenant_id, id)
) STRICT;
CREATE INDEX duplicate_groups__scan_id__id ON duplicate_groups (tenant_id, scan_id, id);
CREATE TABLE duplicate_keys (
  tenant_id BLOB NOT NULL,
  key TEXT NOT NULL,
  record_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, key, record_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE duplicate_scans (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  object TEXT NOT NULL,
  job_id BLOB NOT NULL,
  threshold REAL NOT NULL,
  country TEXT NOT NULL,
  phase TEXT NOT NULL,
  records INTEGER NOT NULL,
  compared INTEGER NOT NULL,
  groups INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX duplicate_scans__object__id ON duplicate_scans (tenant_id, object, id);
CREATE TABLE duplicate_settings (
  tenant_id BLOB NOT NULL,
  name TEXT NOT NULL,
  threshold REAL NOT NULL,
  country TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT;
CREATE TABLE erased_records (
  tenant_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  object TEXT NOT NULL,
  batch_id BLOB NOT NULL,
  erased_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, record_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE event_cursors (
  tenant_id BLOB NOT NULL,
  reader TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, reader)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER event_order_refuse_delete BEFORE DELETE ON event_order WHEN NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.tenant_id AND arriving_since IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'event_order is append-only'); END;
CREATE TRIGGER event_order_refuse_update BEFORE UPDATE ON event_order BEGIN SELECT RAISE(ABORT, 'event_order is append-only'); END;
CREATE TABLE event_order (
  tenant_id BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  event_id BLOB NOT NULL,
  digest BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (tenant_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX event_order__event_id ON event_order (tenant_id, event_id);
CREATE TABLE event_readers (
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
CREATE TABLE event_salts (
  tenant_id BLOB NOT NULL,
  event_id BLOB NOT NULL,
  salt BLOB NOT NULL,
  PRIMARY KEY (tenant_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events WHEN NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.tenant_id AND arriving_since IS NOT NULL) BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events WHEN NEW.changes IS NOT NULL OR NEW.tenant_id IS NOT OLD.tenant_id OR NEW.id IS NOT OLD.id OR NEW.name IS NOT OLD.name OR NEW.object IS NOT OLD.object OR NEW.record_id IS NOT OLD.record_id OR NEW.member_id IS NOT OLD.member_id OR NEW.user_id IS NOT OLD.user_id OR NEW.credential_id IS NOT OLD.credential_id OR NEW.via IS NOT OLD.via OR NEW.address IS NOT OLD.address OR NEW.request_id IS NOT OLD.request_id OR NEW.batch_id IS NOT OLD.batch_id OR NEW.at IS NOT OLD.at BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TABLE events (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  object TEXT NOT NULL,
  record_id BLOB,
  member_id BLOB,
  user_id BLOB,
  credential_id BLOB,
  via TEXT NOT NULL,
  address TEXT,
  request_id BLOB,
  batch_id BLOB,
  at INTEGER NOT NULL,
  changes TEXT,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX events__batch_id__id ON events (tenant_id, batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX events__record_id__id ON events (tenant_id, record_id, id);
CREATE TABLE file_pieces (
  tenant_id BLOB NOT NULL,
  file_id BLOB NOT NULL,
  start INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (tenant_id, file_id, start),
  FOREIGN KEY (tenant_id, file_id) REFERENCES files (tenant_id, id)
) STRICT;
CREATE TABLE files (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE TABLE handles (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  contact_id BLOB,
  kind TEXT,
  handle TEXT,
  handle_folded TEXT,
  key TEXT,
  evidence TEXT,
  channel_id BLOB,
  last_seen_at INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX handles__contact_id__id ON handles (tenant_id, contact_id, id);
CREATE UNIQUE INDEX handles__external_id_folded ON handles (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX handles__kind__key ON handles (tenant_id, kind, key) WHERE deleted_at IS NULL;
CREATE TABLE idempotency_keys (
  tenant_id BLOB NOT NULL,
  key_hash BLOB NOT NULL,
  body_hash BLOB NOT NULL,
  status INTEGER NOT NULL,
  location TEXT,
  etag TEXT,
  answer BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, key_hash)
) STRICT;
CREATE INDEX idempotency_keys__created_at ON idempotency_keys (tenant_id, created_at);
CREATE TABLE imports (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  object TEXT NOT NULL,
  file_name TEXT NOT NULL,
  path TEXT NOT NULL,
  state TEXT NOT NULL,
  wishes TEXT NOT NULL,
  plan TEXT,
  position TEXT,
  report TEXT NOT NULL,
  total_bytes INTEGER NOT NULL,
  error TEXT,
  member_id BLOB,
  created_at INTEGER NOT NULL,
  finished_at INTEGER, file_id BLOB, run_id BLOB,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE TABLE inbound_deliveries (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  digest BLOB NOT NULL,
  body TEXT NOT NULL,
  encoding TEXT,
  state TEXT NOT NULL,
  progress INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  error TEXT,
  failed TEXT,
  again TEXT,
  bytes INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX inbound_deliveries__channel_id__digest ON inbound_deliveries (tenant_id, channel_id, digest);
CREATE INDEX inbound_deliveries__channel_id__id ON inbound_deliveries (tenant_id, channel_id, id);
CREATE INDEX inbound_deliveries__channel_id__state__id ON inbound_deliveries (tenant_id, channel_id, state, id);
CREATE TABLE installation (
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (key)
) STRICT;
CREATE TABLE invites (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  token_hash BLOB NOT NULL,
  invited_by BLOB,
  expires_at INTEGER NOT NULL,
  accepted_at INTEGER,
  revoked_at INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, invited_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX invites__email ON invites (tenant_id, email);
CREATE TABLE job_pruning (
  tenant_id BLOB NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (tenant_id)
) STRICT;
CREATE INDEX job_pruning__due ON job_pruning (due);
CREATE TABLE jobs (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  payload TEXT NOT NULL,
  actor TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX jobs__state__finished_at ON jobs (tenant_id, state, finished_at);
CREATE TABLE knowledge_states (
  tenant_id BLOB NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  model TEXT,
  width INTEGER,
  job_id BLOB,
  error TEXT,
  failed_at INTEGER,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE labels (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  color TEXT,
  color_folded TEXT,
  description TEXT,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX labels__external_id_folded ON labels (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX labels__name_folded ON labels (tenant_id, name_folded);
CREATE TABLE leads (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  first_name TEXT,
  first_name_folded TEXT,
  last_name TEXT,
  last_name_folded TEXT,
  name TEXT,
  name_folded TEXT,
  email TEXT,
  email_folded TEXT,
  phone TEXT,
  phone_folded TEXT,
  mobile TEXT,
  mobile_folded TEXT,
  company TEXT,
  company_folded TEXT,
  job_title TEXT,
  job_title_folded TEXT,
  status TEXT,
  source TEXT,
  source_folded TEXT,
  qualification TEXT,
  score INTEGER,
  score_reason TEXT,
  score_reason_folded TEXT,
  conversion_probability INTEGER,
  estimated_value INTEGER,
  currency TEXT,
  account_id BLOB,
  source_created_at INTEGER,
  owner_id BLOB,
  address_street TEXT,
  address_street_folded TEXT,
  address_city TEXT,
  address_city_folded TEXT,
  address_state TEXT,
  address_state_folded TEXT,
  address_postal_code TEXT,
  address_postal_code_folded TEXT,
  address_country TEXT,
  address_country_folded TEXT,
  website TEXT,
  website_folded TEXT,
  description TEXT,
  do_not_call INTEGER,
  do_not_text INTEGER,
  next_action TEXT,
  converted_at INTEGER,
  converted_contact_id BLOB,
  converted_account_id BLOB,
  converted_deal_id BLOB,
  archived_at INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, converted_contact_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, converted_account_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, converted_deal_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX leads__email_folded__id ON leads (tenant_id, email_folded, id);
CREATE UNIQUE INDEX leads__external_id_folded ON leads (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX leads__name_folded__id ON leads (tenant_id, name_folded, id);
CREATE INDEX leads__owner_id__id ON leads (tenant_id, owner_id, id);
CREATE INDEX leads__status__id ON leads (tenant_id, status, id);
CREATE TABLE links (
  tenant_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  relation TEXT NOT NULL,
  target_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, record_id, relation, target_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, target_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX links__target_id__relation__record_id ON links (tenant_id, target_id, relation, record_id);
CREATE TABLE llm_calls (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  capability TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  status TEXT NOT NULL,
  error TEXT,
  duration_ms INTEGER NOT NULL,
  first_token_ms INTEGER,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  is_guess INTEGER NOT NULL,
  cost INTEGER,
  attempt INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  member_id BLOB,
  request_id BLOB,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE llm_settings (
  tenant_id BLOB NOT NULL,
  name TEXT NOT NULL,
  settings TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT;
CREATE TABLE llm_sums (
  tenant_id BLOB NOT NULL,
  name TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE llm_usage (
  tenant_id BLOB NOT NULL,
  day INTEGER NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  capability TEXT NOT NULL,
  requests INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, day, provider, model, capability)
) STRICT, WITHOUT ROWID;
CREATE TABLE lookups (
  kind TEXT NOT NULL,
  hash BLOB NOT NULL,
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  PRIMARY KEY (kind, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX lookups__tenant_id__id ON lookups (tenant_id, id);
CREATE TABLE mailboxes (
  tenant_id BLOB NOT NULL,
  channel_id BLOB NOT NULL,
  ticket BLOB NOT NULL,
  place TEXT,
  validity INTEGER,
  next_uid INTEGER,
  failures INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, channel_id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE TABLE mails (
  id BLOB NOT NULL,
  tenant_id BLOB NOT NULL,
  to_address TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT,
  html TEXT,
  message_id TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  sent_at INTEGER,
  PRIMARY KEY (id)
) STRICT;
CREATE TABLE members (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  name_folded TEXT,
  email TEXT,
  email_folded TEXT,
  phone TEXT,
  phone_folded TEXT,
  job_title TEXT,
  job_title_folded TEXT,
  manager_id BLOB,
  regional_office TEXT,
  regional_office_folded TEXT,
  timezone TEXT,
  timezone_folded TEXT,
  role TEXT NOT NULL DEFAULT 'member',
  status TEXT NOT NULL DEFAULT 'active',
  user_id BLOB,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, manager_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX members__external_id_folded ON members (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX members__name_folded ON members (tenant_id, name_folded);
CREATE INDEX members__user_id ON members (tenant_id, user_id);
CREATE TABLE memberships (
  user_id BLOB NOT NULL,
  tenant_id BLOB NOT NULL,
  member_id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, tenant_id),
  FOREIGN KEY (user_id) REFERENCES users (id),
  FOREIGN KEY (tenant_id) REFERENCES tenants (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships__tenant_id ON memberships (tenant_id);
CREATE TABLE merge_moves (
  tenant_id BLOB NOT NULL,
  merge_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  field TEXT NOT NULL,
  object TEXT NOT NULL,
  from_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, merge_id, record_id, field),
  FOREIGN KEY (tenant_id, merge_id) REFERENCES merges (tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, from_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE merged_records (
  tenant_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  merge_id BLOB NOT NULL,
  primary_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, record_id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, merge_id) REFERENCES merges (tenant_id, id),
  FOREIGN KEY (tenant_id, primary_id) REFERENCES anchors (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE merges (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  object TEXT NOT NULL,
  primary_id BLOB NOT NULL,
  others TEXT NOT NULL,
  changes TEXT NOT NULL,
  created_by BLOB,
  created_at INTEGER NOT NULL,
  undone_at INTEGER,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, primary_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE TABLE message_templates (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  category TEXT,
  category_folded TEXT,
  language TEXT,
  language_folded TEXT,
  content TEXT,
  variables TEXT,
  is_active INTEGER,
  channel_id BLOB,
  approved_name TEXT,
  approved_name_folded TEXT,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX message_templates__external_id_folded ON message_templates (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX message_templates__name_folded__id ON message_templates (tenant_id, name_folded, id);
CREATE TABLE messages (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  conversation_id BLOB,
  content TEXT,
  type TEXT,
  sender TEXT,
  is_note INTEGER,
  template_id BLOB,
  variables TEXT,
  attachment_id BLOB,
  metadata TEXT,
  reply_to_id BLOB,
  channel_id BLOB,
  contact_id BLOB,
  direction TEXT,
  sequence INTEGER,
  status TEXT,
  source_id TEXT,
  error TEXT,
  member_id BLOB,
  agent_id BLOB,
  turn INTEGER,
  is_automatic INTEGER,
  is_read INTEGER,
  sent_at INTEGER,
  delivered_at INTEGER,
  read_at INTEGER,
  edited_at INTEGER,
  sending_job BLOB,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, template_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, attachment_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, reply_to_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX messages__channel_id__source_id ON messages (tenant_id, channel_id, source_id) WHERE source_id IS NOT NULL;
CREATE INDEX messages__contact_id__id ON messages (tenant_id, contact_id, id);
CREATE INDEX messages__conversation_id__direction__id ON messages (tenant_id, conversation_id, direction, id);
CREATE UNIQUE INDEX messages__conversation_id__sequence ON messages (tenant_id, conversation_id, sequence);
CREATE INDEX messages__conversation_id__status ON messages (tenant_id, conversation_id, status) WHERE status IN ('queued', 'sending');
CREATE UNIQUE INDEX messages__external_id_folded ON messages (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE TABLE notes (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  title TEXT,
  title_folded TEXT,
  content TEXT,
  related_id BLOB,
  related_to TEXT,
  related_to_folded TEXT,
  deal_id BLOB,
  owner_id BLOB,
  is_pinned INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX notes__deal_id__id ON notes (tenant_id, deal_id, id) WHERE deal_id IS NOT NULL;
CREATE UNIQUE INDEX notes__external_id_folded ON notes (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX notes__related_id__id ON notes (tenant_id, related_id, id);
CREATE TABLE notifications (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  member_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  record_id BLOB NOT NULL,
  title TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  read_at INTEGER,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, record_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX notifications__member_id__id ON notifications (tenant_id, member_id, id);
CREATE INDEX notifications__member_id__read_at__id ON notifications (tenant_id, member_id, read_at, id);
CREATE INDEX notifications__record_id__id ON notifications (tenant_id, record_id, id);
CREATE TABLE object_records (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  object TEXT NOT NULL,
  name TEXT,
  name_folded TEXT,
  description TEXT,
  owner_id BLOB,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX object_records__object__external_id_folded ON object_records (tenant_id, object, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX object_records__object__id ON object_records (tenant_id, object, id);
CREATE INDEX object_records__object__name_folded__id ON object_records (tenant_id, object, name_folded, id);
CREATE INDEX object_records__object__owner_id__id ON object_records (tenant_id, object, owner_id, id);
CREATE TABLE objects (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  plural_label TEXT NOT NULL,
  description TEXT,
  created_by BLOB,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX objects__name ON objects (tenant_id, name);
CREATE TABLE password_resets (
  token_hash BLOB NOT NULL,
  user_id BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (token_hash),
  FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT;
CREATE INDEX password_resets__expires_at ON password_resets (expires_at);
CREATE INDEX password_resets__user_id__expires_at ON password_resets (user_id, expires_at);
CREATE TABLE pipelines (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  description TEXT,
  is_default INTEGER,
  position INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX pipelines__external_id_folded ON pipelines (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE TABLE products (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  code TEXT,
  code_folded TEXT,
  series TEXT,
  series_folded TEXT,
  price INTEGER,
  currency TEXT,
  description TEXT,
  is_active INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX products__external_id_folded ON products (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX products__name_folded__id ON products (tenant_id, name_folded, id);
CREATE TABLE provider_key_settings (
  tenant_id BLOB NOT NULL,
  name TEXT NOT NULL,
  own_keys INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT;
CREATE TABLE provider_keys (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  service TEXT NOT NULL,
  member_id BLOB,
  secret BLOB NOT NULL,
  hint TEXT NOT NULL,
  created_by BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_used_at INTEGER,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX provider_keys__member_id__service ON provider_keys (tenant_id, member_id, service) WHERE member_id IS NOT NULL;
CREATE UNIQUE INDEX provider_keys__service ON provider_keys (tenant_id, service) WHERE member_id IS NULL;
CREATE TABLE recovery_codes (
  user_id BLOB NOT NULL,
  code_hash BLOB NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (user_id, code_hash),
  FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT;
CREATE TABLE refresh_tokens (
  token_hash BLOB NOT NULL,
  session_id BLOB NOT NULL,
  tenant_id BLOB,
  created_at INTEGER NOT NULL,
  used_at INTEGER,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (token_hash),
  FOREIGN KEY (session_id) REFERENCES sessions (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens__expires_at ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens__session_id ON refresh_tokens (session_id);
CREATE TABLE retention (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  event_days INTEGER,
  event_bytes INTEGER,
  notification_days INTEGER,
  mail_days INTEGER,
  failed_job_days INTEGER,
  import_file_days INTEGER,
  trash_days INTEGER,
  events_before INTEGER,
  erased_before INTEGER,
  trash_before INTEGER,
  job_id BLOB,
  kept_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE TABLE rollup_parts (
  tenant_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  parts TEXT NOT NULL,
  PRIMARY KEY (tenant_id, record_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollups (
  tenant_id BLOB NOT NULL,
  measure TEXT NOT NULL,
  object TEXT NOT NULL,
  slot INTEGER NOT NULL,
  key TEXT NOT NULL,
  count INTEGER NOT NULL,
  sum_high INTEGER NOT NULL,
  sum_low INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, measure, object, slot, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE schema_migrations (name TEXT PRIMARY KEY) STRICT;
CREATE TABLE search_documents (
  number INTEGER PRIMARY KEY,
  tenant_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  object TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX search_documents_record ON search_documents (tenant_id, record_id);
CREATE VIRTUAL TABLE search_words USING fts5 (scope, title, keywords, body, content = '', contentless_delete = 1, detail = column, tokenize = 'ascii');
CREATE TABLE second_factors (
  user_id BLOB NOT NULL,
  secret BLOB NOT NULL,
  confirmed_at INTEGER,
  last_step INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  failed_at INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id),
  FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT;
CREATE TABLE sessions (
  id BLOB NOT NULL,
  user_id BLOB NOT NULL,
  tenant_id BLOB,
  member_id BLOB,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  address TEXT,
  agent TEXT,
  PRIMARY KEY (id),
  FOREIGN KEY (user_id) REFERENCES users (id)
) STRICT;
CREATE INDEX sessions__expires_at ON sessions (expires_at);
CREATE INDEX sessions__user_id ON sessions (user_id);
CREATE TABLE stages (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_folded TEXT,
  pipeline_id BLOB,
  position INTEGER,
  outcome TEXT,
  probability INTEGER,
  color TEXT,
  color_folded TEXT,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX stages__external_id_folded ON stages (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX stages__pipeline_id__position ON stages (tenant_id, pipeline_id, position);
CREATE TABLE stored_files (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  state TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX stored_files__state__id ON stored_files (tenant_id, state, id);
CREATE TABLE suppressions (
  tenant_id BLOB NOT NULL,
  hash BLOB NOT NULL,
  kind TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE syncs (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  asked TEXT NOT NULL,
  progress TEXT NOT NULL,
  at_work INTEGER,
  run_id BLOB,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX syncs__at_work ON syncs (tenant_id, at_work) WHERE at_work IS NOT NULL;
CREATE TABLE tasks (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  title TEXT,
  title_folded TEXT,
  description TEXT,
  status TEXT,
  priority TEXT,
  due_at INTEGER,
  remind_at INTEGER,
  reminded_at INTEGER,
  repeat_every TEXT,
  repeat_interval INTEGER,
  repeat_until TEXT,
  next_id BLOB,
  related_id BLOB,
  related_to TEXT,
  related_to_folded TEXT,
  deal_id BLOB,
  owner_id BLOB,
  completed_at INTEGER,
  archived_at INTEGER,
  external_id TEXT,
  external_id_folded TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by BLOB,
  deleted_at INTEGER,
  batch_id BLOB,
  custom TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, next_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, related_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, deal_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id),
  FOREIGN KEY (tenant_id, created_by) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX tasks__deal_id__id ON tasks (tenant_id, deal_id, id) WHERE deal_id IS NOT NULL;
CREATE INDEX tasks__due_at__id ON tasks (tenant_id, due_at, id);
CREATE UNIQUE INDEX tasks__external_id_folded ON tasks (tenant_id, external_id_folded) WHERE external_id_folded IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX tasks__owner_id__due_at__id ON tasks (tenant_id, owner_id, due_at, id);
CREATE INDEX tasks__related_id__id ON tasks (tenant_id, related_id, id);
CREATE TABLE tenants (
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  currency TEXT NOT NULL,
  timezone TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  arriving_since INTEGER,
  PRIMARY KEY (id)
) STRICT;
CREATE UNIQUE INDEX tenants__slug ON tenants (slug);
CREATE TABLE unread_events (
  reader TEXT NOT NULL,
  tenant_id BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (reader, tenant_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE unsealed_events (
  tenant_id BLOB NOT NULL,
  event_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE users (
  id BLOB NOT NULL,
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL,
  name TEXT NOT NULL,
  password_hash TEXT,
  platform_admin INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT;
CREATE UNIQUE INDEX users__email_folded ON users (email_folded);
CREATE TABLE views (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  object TEXT NOT NULL,
  name TEXT NOT NULL,
  rule TEXT NOT NULL,
  sort TEXT NOT NULL,
  columns TEXT NOT NULL,
  layout TEXT NOT NULL,
  shared INTEGER NOT NULL,
  owner_id BLOB,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES anchors (tenant_id, id)
) STRICT;
CREATE INDEX views__owner_id__id ON views (tenant_id, owner_id, id);
CREATE TABLE wakeups (
  job_id BLOB NOT NULL,
  tenant_id BLOB NOT NULL,
  due INTEGER NOT NULL,
  lease_id BLOB,
  PRIMARY KEY (job_id)
) STRICT;
CREATE INDEX wakeups__due__tenant_id ON wakeups (due, tenant_id);
CREATE INDEX wakeups__tenant_id__due ON wakeups (tenant_id, due);
CREATE TABLE win_models (
  tenant_id BLOB NOT NULL,
  name TEXT NOT NULL,
  model TEXT,
  trained_at INTEGER,
  asked_at INTEGER,
  PRIMARY KEY (tenant_id, name)
) STRICT;
