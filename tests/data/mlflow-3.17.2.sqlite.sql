BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('dc11669786a5');
CREATE TABLE alembic_version_auth (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_auth_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version_auth" VALUES('f1a2b3c4d5e6');
CREATE TABLE alembic_version_prokube_auth (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_prokube_auth_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version_prokube_auth" VALUES('0010');
CREATE TABLE "assessments" (
	assessment_id VARCHAR(50) NOT NULL, 
	trace_id VARCHAR(50) NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	assessment_type VARCHAR(20) NOT NULL, 
	value TEXT NOT NULL, 
	error TEXT, 
	created_timestamp BIGINT NOT NULL, 
	last_updated_timestamp BIGINT NOT NULL, 
	source_type VARCHAR(50) NOT NULL, 
	source_id VARCHAR(250), 
	run_id VARCHAR(32), 
	span_id VARCHAR(50), 
	rationale TEXT, 
	overrides VARCHAR(50), 
	valid BOOLEAN NOT NULL, 
	assessment_metadata TEXT, 
	experiment_id INTEGER, 
	trace_timestamp_ms BIGINT, 
	aggregate_value FLOAT, 
	is_numeric_value BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT assessments_pk PRIMARY KEY (assessment_id), 
	CONSTRAINT fk_assessments_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE budget_policies (
	budget_policy_id VARCHAR(36) NOT NULL, 
	budget_unit VARCHAR(32) NOT NULL, 
	budget_amount FLOAT NOT NULL, 
	duration_unit VARCHAR(32) NOT NULL, 
	duration_value INTEGER NOT NULL, 
	target_scope VARCHAR(32) NOT NULL, 
	budget_action VARCHAR(32) NOT NULL, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, target_value VARCHAR(255), 
	CONSTRAINT budget_policies_pk PRIMARY KEY (budget_policy_id)
);
CREATE TABLE "datasets" (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE endpoint_bindings (
	endpoint_id VARCHAR(36) NOT NULL, 
	resource_type VARCHAR(50) NOT NULL, 
	resource_id VARCHAR(255) NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), display_name VARCHAR(255), 
	CONSTRAINT endpoint_bindings_pk PRIMARY KEY (endpoint_id, resource_type, resource_id), 
	CONSTRAINT fk_endpoint_bindings_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE
);
CREATE TABLE endpoint_model_mappings (
	mapping_id VARCHAR(36) NOT NULL, 
	endpoint_id VARCHAR(36) NOT NULL, 
	model_definition_id VARCHAR(36) NOT NULL, 
	weight FLOAT NOT NULL, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, linkage_type VARCHAR(64) DEFAULT 'PRIMARY' NOT NULL, fallback_order INTEGER, 
	CONSTRAINT endpoint_model_mappings_pk PRIMARY KEY (mapping_id), 
	CONSTRAINT fk_endpoint_model_mappings_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE, 
	CONSTRAINT fk_endpoint_model_mappings_model_definition_id FOREIGN KEY(model_definition_id) REFERENCES model_definitions (model_definition_id)
);
CREATE TABLE endpoint_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	endpoint_id VARCHAR(36) NOT NULL, 
	CONSTRAINT endpoint_tag_pk PRIMARY KEY ("key", endpoint_id), 
	CONSTRAINT fk_endpoint_tags_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE
);
CREATE TABLE "endpoints" (
	endpoint_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255), 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	routing_strategy VARCHAR(64), 
	fallback_config_json TEXT, 
	experiment_id INTEGER, 
	usage_tracking BOOLEAN DEFAULT '0' NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT endpoints_pk PRIMARY KEY (endpoint_id), 
	CONSTRAINT fk_endpoints_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE SET NULL, 
	CONSTRAINT uq_endpoints_workspace_name UNIQUE (workspace, name)
);
CREATE TABLE entity_associations (
	association_id VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, 
	created_time BIGINT, 
	CONSTRAINT entity_associations_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
CREATE TABLE "evaluation_dataset_records" (
	dataset_record_id VARCHAR(36) NOT NULL, 
	dataset_id VARCHAR(36) NOT NULL, 
	inputs JSON NOT NULL, 
	expectations JSON, 
	tags JSON, 
	source JSON, 
	source_id VARCHAR(36), 
	source_type VARCHAR(255), 
	created_time BIGINT, 
	last_update_time BIGINT, 
	created_by VARCHAR(255), 
	last_updated_by VARCHAR(255), 
	input_hash VARCHAR(64) NOT NULL, outputs JSON, 
	CONSTRAINT evaluation_dataset_records_pk PRIMARY KEY (dataset_record_id), 
	CONSTRAINT fk_evaluation_dataset_records_dataset_id FOREIGN KEY(dataset_id) REFERENCES evaluation_datasets (dataset_id) ON DELETE CASCADE, 
	CONSTRAINT unique_dataset_input UNIQUE (dataset_id, input_hash)
);
CREATE TABLE evaluation_dataset_tags (
	dataset_id VARCHAR(36) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	value VARCHAR(5000), 
	CONSTRAINT evaluation_dataset_tags_pk PRIMARY KEY (dataset_id, "key"), 
	CONSTRAINT fk_evaluation_dataset_tags_dataset_id FOREIGN KEY(dataset_id) REFERENCES evaluation_datasets (dataset_id) ON DELETE CASCADE
);
CREATE TABLE "evaluation_datasets" (
	dataset_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	schema TEXT, 
	profile TEXT, 
	digest VARCHAR(64), 
	created_time BIGINT, 
	last_update_time BIGINT, 
	created_by VARCHAR(255), 
	last_updated_by VARCHAR(255), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT evaluation_datasets_pk PRIMARY KEY (dataset_id)
);
CREATE TABLE experiment_permissions (
	id INTEGER NOT NULL, 
	experiment_id VARCHAR(255) NOT NULL, 
	user_id INTEGER NOT NULL, 
	permission VARCHAR(255), 
	PRIMARY KEY (id), 
	CONSTRAINT fk_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT unique_experiment_user UNIQUE (experiment_id, user_id)
);
CREATE TABLE "experiment_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value TEXT, 
	experiment_id INTEGER NOT NULL, 
	CONSTRAINT experiment_tag_pk PRIMARY KEY ("key", experiment_id), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
CREATE TABLE "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO "experiments" VALUES(0,'Default','mlflow-artifacts:/0','active',1795673526229,1795673526229,'default');
INSERT INTO "experiments" VALUES(1,'private','mlflow-artifacts:/1','active',1795673545040,1795673545040,'default');
INSERT INTO "experiments" VALUES(2,'shared','mlflow-artifacts:/2','active',1795673545365,1795673545365,'default');
INSERT INTO "experiments" VALUES(3,'closed','mlflow-artifacts:/3','active',1795673545541,1795673545541,'default');
INSERT INTO "experiments" VALUES(4,'shared-by-rule','mlflow-artifacts:/4','active',1795673545755,1795673545755,'default');
CREATE TABLE gateway_endpoint_permissions (
	id INTEGER NOT NULL, 
	endpoint_id VARCHAR(255) NOT NULL, 
	user_id INTEGER NOT NULL, 
	permission VARCHAR(255), 
	PRIMARY KEY (id), 
	CONSTRAINT fk_gateway_endpoint_perm_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT unique_endpoint_user UNIQUE (endpoint_id, user_id)
);
CREATE TABLE gateway_model_definition_permissions (
	id INTEGER NOT NULL, 
	model_definition_id VARCHAR(255) NOT NULL, 
	user_id INTEGER NOT NULL, 
	permission VARCHAR(255), 
	PRIMARY KEY (id), 
	CONSTRAINT fk_gateway_model_def_perm_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT unique_model_def_user UNIQUE (model_definition_id, user_id)
);
CREATE TABLE gateway_secret_permissions (
	id INTEGER NOT NULL, 
	secret_id VARCHAR(255) NOT NULL, 
	user_id INTEGER NOT NULL, 
	permission VARCHAR(255), 
	PRIMARY KEY (id), 
	CONSTRAINT fk_gateway_secret_perm_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT unique_secret_user UNIQUE (secret_id, user_id)
);
CREATE TABLE guardrail_configs (
	endpoint_id VARCHAR(36) NOT NULL, 
	guardrail_id VARCHAR(36) NOT NULL, 
	execution_order INTEGER, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT guardrail_configs_pk PRIMARY KEY (endpoint_id, guardrail_id), 
	CONSTRAINT fk_guardrail_configs_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE CASCADE, 
	CONSTRAINT fk_guardrail_configs_guardrail_id FOREIGN KEY(guardrail_id) REFERENCES guardrails (guardrail_id) ON DELETE CASCADE
);
CREATE TABLE guardrails (
	guardrail_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	scorer_id VARCHAR(36) NOT NULL, 
	scorer_version INTEGER NOT NULL, 
	stage VARCHAR(32) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	action_endpoint_id VARCHAR(36), 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT guardrails_pk PRIMARY KEY (guardrail_id), 
	CONSTRAINT fk_guardrails_scorer_version FOREIGN KEY(scorer_id, scorer_version) REFERENCES scorer_versions (scorer_id, scorer_version), 
	CONSTRAINT fk_guardrails_action_endpoint_id FOREIGN KEY(action_endpoint_id) REFERENCES endpoints (endpoint_id) ON DELETE SET NULL
);
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
CREATE TABLE issues (
	issue_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	description TEXT NOT NULL, 
	status VARCHAR(50) NOT NULL, 
	severity VARCHAR(50), 
	root_causes TEXT, 
	source_run_id VARCHAR(32), 
	categories TEXT, 
	created_timestamp BIGINT NOT NULL, 
	last_updated_timestamp BIGINT NOT NULL, 
	created_by VARCHAR(255), 
	CONSTRAINT issues_pk PRIMARY KEY (issue_id), 
	CONSTRAINT fk_issues_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE, 
	CONSTRAINT fk_issues_source_run_id FOREIGN KEY(source_run_id) REFERENCES runs (run_uuid) ON DELETE SET NULL
);
CREATE TABLE job_locks (
	lock_key VARCHAR(255) NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	acquired_at BIGINT NOT NULL, 
	CONSTRAINT job_locks_pk PRIMARY KEY (lock_key), 
	CONSTRAINT fk_job_locks_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE TABLE "jobs" (
	id VARCHAR(36) NOT NULL, 
	creation_time BIGINT NOT NULL, 
	job_name VARCHAR(500) NOT NULL, 
	params TEXT NOT NULL, 
	timeout FLOAT, 
	status INTEGER NOT NULL, 
	result TEXT, 
	retry_count INTEGER NOT NULL, 
	last_update_time BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, status_details JSON, creator VARCHAR(255), executor_backend VARCHAR(255), lease_expires_at BIGINT, status_message TEXT, progress JSON, progress_updated_at BIGINT, token_hash VARCHAR(64), scoped_permissions JSON, next_attempt_at BIGINT, 
	CONSTRAINT jobs_pk PRIMARY KEY (id)
);
CREATE TABLE label_schemas (
	schema_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	instruction TEXT, 
	enable_comment BOOLEAN DEFAULT '0' NOT NULL, 
	input_type VARCHAR(32) NOT NULL, 
	input_config TEXT NOT NULL, 
	created_by VARCHAR(255), 
	created_time BIGINT NOT NULL, 
	last_update_time BIGINT NOT NULL, 
	is_default BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT label_schemas_pk PRIMARY KEY (schema_id), 
	CONSTRAINT fk_label_schemas_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE, 
	CONSTRAINT uq_label_schemas_exp_name UNIQUE (experiment_id, name)
);
CREATE TABLE "latest_metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT, 
	step BIGINT NOT NULL, 
	is_nan BOOLEAN NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
CREATE TABLE logged_model_metrics (
	model_id VARCHAR(36) NOT NULL, 
	metric_name VARCHAR(500) NOT NULL, 
	metric_timestamp_ms BIGINT NOT NULL, 
	metric_step BIGINT NOT NULL, 
	metric_value FLOAT, 
	experiment_id INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	dataset_uuid VARCHAR(36), 
	dataset_name VARCHAR(500), 
	dataset_digest VARCHAR(36), 
	CONSTRAINT logged_model_metrics_pk PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, metric_step, run_id), 
	CONSTRAINT fk_logged_model_metrics_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_metrics_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE, 
	CONSTRAINT fk_logged_model_metrics_run_id FOREIGN KEY(run_id) REFERENCES runs (run_uuid) ON DELETE CASCADE
);
CREATE TABLE logged_model_params (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	param_key VARCHAR(255) NOT NULL, 
	param_value TEXT NOT NULL, 
	CONSTRAINT logged_model_params_pk PRIMARY KEY (model_id, param_key), 
	CONSTRAINT fk_logged_model_params_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_params_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
CREATE TABLE logged_model_tags (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	tag_key VARCHAR(255) NOT NULL, 
	tag_value TEXT NOT NULL, 
	CONSTRAINT logged_model_tags_pk PRIMARY KEY (model_id, tag_key), 
	CONSTRAINT fk_logged_model_tags_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_tags_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
CREATE TABLE logged_models (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	artifact_location VARCHAR(1000) NOT NULL, 
	creation_timestamp_ms BIGINT NOT NULL, 
	last_updated_timestamp_ms BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	lifecycle_stage VARCHAR(32), 
	model_type VARCHAR(500), 
	source_run_id VARCHAR(32), 
	status_message VARCHAR(1000), 
	CONSTRAINT logged_models_pk PRIMARY KEY (model_id), 
	CONSTRAINT logged_models_lifecycle_stage_check CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT fk_logged_models_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE mcp_access_endpoints (
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	server_name VARCHAR(256) NOT NULL, 
	server_version VARCHAR(128), 
	server_alias VARCHAR(256), 
	url VARCHAR(2048) NOT NULL, 
	transport_type VARCHAR(32) DEFAULT 'streamable-http' NOT NULL, 
	created_by VARCHAR(256), 
	last_updated_by VARCHAR(256), 
	created_at BIGINT NOT NULL, 
	last_updated_at BIGINT NOT NULL, 
	CONSTRAINT mcp_access_endpoints_pk PRIMARY KEY (id), 
	CONSTRAINT mcp_access_endpoints_server_fkey FOREIGN KEY(workspace, server_name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_aliases (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	alias VARCHAR(256) NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	CONSTRAINT mcp_server_aliases_pk PRIMARY KEY (workspace, name, alias), 
	CONSTRAINT mcp_server_aliases_server_fkey FOREIGN KEY(workspace, name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_tags (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	CONSTRAINT mcp_server_tags_pk PRIMARY KEY (workspace, name, "key"), 
	CONSTRAINT mcp_server_tags_server_fkey FOREIGN KEY(workspace, name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_version_tags (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	CONSTRAINT mcp_server_version_tags_pk PRIMARY KEY (workspace, name, version, "key"), 
	CONSTRAINT mcp_server_version_tags_version_fkey FOREIGN KEY(workspace, name, version) REFERENCES mcp_server_versions (workspace, name, version) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_server_versions (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	version_major INTEGER NOT NULL, 
	version_minor INTEGER NOT NULL, 
	version_patch INTEGER NOT NULL, 
	version_prerelease_sort_key VARCHAR(512) NOT NULL, 
	server_json JSON NOT NULL, 
	status VARCHAR(20) DEFAULT 'draft' NOT NULL, 
	tools JSON, 
	source VARCHAR(512), 
	connect_options JSON, 
	created_by VARCHAR(256), 
	last_updated_by VARCHAR(256), 
	created_at BIGINT NOT NULL, 
	last_updated_at BIGINT NOT NULL, 
	CONSTRAINT mcp_server_versions_pk PRIMARY KEY (workspace, name, version), 
	CONSTRAINT mcp_server_versions_server_fkey FOREIGN KEY(workspace, name) REFERENCES mcp_servers (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE mcp_servers (
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	display_name VARCHAR(256), 
	description TEXT, 
	icons JSON, 
	created_by VARCHAR(256), 
	last_updated_by VARCHAR(256), 
	created_at BIGINT NOT NULL, 
	last_updated_at BIGINT NOT NULL, 
	CONSTRAINT mcp_servers_pk PRIMARY KEY (workspace, name)
);
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
CREATE TABLE "model_definitions" (
	model_definition_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	secret_id VARCHAR(36), 
	provider VARCHAR(64) NOT NULL, 
	model_name VARCHAR(256) NOT NULL, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_definitions_pk PRIMARY KEY (model_definition_id), 
	CONSTRAINT fk_model_definitions_secret_id FOREIGN KEY(secret_id) REFERENCES secrets (secret_id) ON DELETE SET NULL, 
	CONSTRAINT uq_model_definitions_workspace_name UNIQUE (workspace, name)
);
CREATE TABLE "model_version_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value TEXT, 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_tag_pk PRIMARY KEY (workspace, "key", name, version), 
	CONSTRAINT fk_model_version_tags_model_versions FOREIGN KEY(workspace, name, version) REFERENCES model_versions (workspace, name, version) ON UPDATE CASCADE
);
CREATE TABLE "model_versions" (
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	user_id VARCHAR(256), 
	current_stage VARCHAR(20), 
	source VARCHAR(500), 
	run_id VARCHAR(32), 
	status VARCHAR(20), 
	status_message VARCHAR(500), 
	run_link VARCHAR(500), 
	storage_location VARCHAR(500), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_pk PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_model_versions_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
CREATE TABLE online_scoring_configs (
	online_scoring_config_id VARCHAR(36) NOT NULL, 
	scorer_id VARCHAR(36) NOT NULL, 
	sample_rate FLOAT NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	filter_string TEXT, 
	CONSTRAINT online_scoring_config_pk PRIMARY KEY (online_scoring_config_id), 
	CONSTRAINT fk_online_scoring_configs_scorer_id FOREIGN KEY(scorer_id) REFERENCES scorers (scorer_id) ON DELETE CASCADE, 
	CONSTRAINT fk_online_scoring_configs_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
CREATE TABLE prokube_audit_events (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	target VARCHAR(512) NOT NULL, 
	client VARCHAR(64) NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "prokube_audit_events" VALUES(1,1795673543,'alice@example.com','login','','127.0.0.1','{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO "prokube_audit_events" VALUES(2,1795673543,'alice@example.com','token.create','bQE7n4j0vyES','127.0.0.1','{"expires_at": 1796278343, "user": "alice@example.com", "user_id": 1}');
INSERT INTO "prokube_audit_events" VALUES(3,1795673543,'bob@example.com','login','','127.0.0.1','{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO "prokube_audit_events" VALUES(4,1795673544,'bob@example.com','token.create','jkCpdtvRr1ZJ','127.0.0.1','{"expires_at": 1796278344, "user": "bob@example.com", "user_id": 2}');
INSERT INTO "prokube_audit_events" VALUES(5,1795673544,'admin@example.com','login','','127.0.0.1','{"admin_by": "groups:/prokube-admins", "admitted_by": "groups:/prokube-users"}');
INSERT INTO "prokube_audit_events" VALUES(6,1795673545,'alice@example.com','role.create','__user_1__','127.0.0.1','{"user": "alice@example.com", "user_id": 1, "workspace": "default"}');
INSERT INTO "prokube_audit_events" VALUES(7,1795673545,'alice@example.com','member.create','__user_1__','127.0.0.1','{"user": "alice@example.com", "user_id": 1}');
INSERT INTO "prokube_audit_events" VALUES(8,1795673545,'alice@example.com','grant.create','experiment:1','127.0.0.1','{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO "prokube_audit_events" VALUES(9,1795673545,'alice@example.com','grant.create','experiment:2','127.0.0.1','{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO "prokube_audit_events" VALUES(10,1795673545,'alice@example.com','grant.create','experiment:3','127.0.0.1','{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO "prokube_audit_events" VALUES(11,1795673545,'alice@example.com','grant.create','experiment:4','127.0.0.1','{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO "prokube_audit_events" VALUES(12,1795673546,'alice@example.com','grant.create','registered_model:model','127.0.0.1','{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO "prokube_audit_events" VALUES(13,1795673546,'alice@example.com','role.create','__user_2__','127.0.0.1','{"user": "bob@example.com", "user_id": 2, "workspace": "default"}');
INSERT INTO "prokube_audit_events" VALUES(14,1795673546,'alice@example.com','member.create','__user_2__','127.0.0.1','{"user": "bob@example.com", "user_id": 2}');
INSERT INTO "prokube_audit_events" VALUES(15,1795673546,'alice@example.com','grant.create','experiment:2','127.0.0.1','{"permission": "EDIT", "role": "__user_2__", "user": "bob@example.com", "user_id": 2, "was": null}');
INSERT INTO "prokube_audit_events" VALUES(16,1795673546,'alice@example.com','grant.create','registered_model:model','127.0.0.1','{"permission": "READ", "role": "__user_2__", "user": "bob@example.com", "user_id": 2, "was": null}');
INSERT INTO "prokube_audit_events" VALUES(17,1795673546,'admin@example.com','team.create','reviewers','127.0.0.1','{}');
INSERT INTO "prokube_audit_events" VALUES(18,1795673546,'admin@example.com','team.join','reviewers','127.0.0.1','{"user": "bob@example.com", "user_id": 2}');
INSERT INTO "prokube_audit_events" VALUES(19,1795673546,'admin@example.com','rule.create','reviewers','127.0.0.1','{"kind": "experiment", "permission": "READ", "prefix": "shared-"}');
INSERT INTO "prokube_audit_events" VALUES(20,1795673546,'alice@example.com','login','','127.0.0.1','{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO "prokube_audit_events" VALUES(21,1795673546,'alice@example.com','token.replace','BErBPuFa6Nhi','127.0.0.1','{"expires_at": 1827209546, "user": "alice@example.com", "user_id": 1}');
INSERT INTO "prokube_audit_events" VALUES(22,1795673547,'bob@example.com','login','','127.0.0.1','{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO "prokube_audit_events" VALUES(23,1795673547,'bob@example.com','token.replace','clZQazbPzHYq','127.0.0.1','{"expires_at": 1827209547, "user": "bob@example.com", "user_id": 2}');
CREATE TABLE prokube_consents (
	code_digest VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	challenge VARCHAR(64) NOT NULL, 
	days INTEGER NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (code_digest), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE prokube_counted_versions (
	digest VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	PRIMARY KEY (digest, user_id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE "prokube_identities" (
	user_id INTEGER NOT NULL, 
	issuer VARCHAR(255) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	display_name VARCHAR(255) NOT NULL, 
	admitted_by VARCHAR(255) NOT NULL, 
	admin_by VARCHAR(255), 
	disabled BOOLEAN NOT NULL, 
	last_login_at BIGINT, 
	last_confirmed_at BIGINT NOT NULL, 
	check_due BOOLEAN DEFAULT 0 NOT NULL, 
	claimed_until BIGINT, 
	generation INTEGER DEFAULT '0' NOT NULL, 
	blocked BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (user_id), 
	CONSTRAINT uq_prokube_identities_subject UNIQUE (issuer, subject), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "prokube_identities" VALUES(1,'http://127.0.0.1:46771','demo-alice','Alice Example','groups:/prokube-users',NULL,0,1795673546,1795673546,0,NULL,0,0);
INSERT INTO "prokube_identities" VALUES(2,'http://127.0.0.1:46771','demo-bob','Bob Example','groups:/prokube-users',NULL,0,1795673547,1795673547,0,NULL,0,0);
INSERT INTO "prokube_identities" VALUES(3,'http://127.0.0.1:46771','demo-admin','Ada Admin','groups:/prokube-users','groups:/prokube-admins',0,1795673544,1795673544,0,NULL,0,0);
CREATE TABLE prokube_local_admins (
	user_id INTEGER NOT NULL, 
	password_hash VARCHAR(255) NOT NULL, 
	failures INTEGER NOT NULL, 
	locked_until BIGINT, 
	PRIMARY KEY (user_id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE prokube_logout_tokens (
	jti VARCHAR(255) NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (jti)
);
CREATE TABLE "prokube_resource_names" (
	kind VARCHAR(32) NOT NULL, 
	name VARCHAR(512) NOT NULL, 
	user_id INTEGER NOT NULL, 
	reserved_ms BIGINT NOT NULL, 
	pending BOOLEAN NOT NULL, 
	held_until BIGINT, 
	claim_id VARCHAR(16) DEFAULT '' NOT NULL, 
	healable BOOLEAN DEFAULT 1 NOT NULL, 
	PRIMARY KEY (kind, name)
);
INSERT INTO "prokube_resource_names" VALUES('experiment','private',1,1795673544794,0,NULL,'KfJb412mEgd1Yi8b',1);
INSERT INTO "prokube_resource_names" VALUES('experiment','shared',1,1795673545308,0,NULL,'9pLTsv9Ed0AOcVSv',1);
INSERT INTO "prokube_resource_names" VALUES('experiment','closed',1,1795673545522,0,NULL,'lUbRFRP2XGM3sIfk',1);
INSERT INTO "prokube_resource_names" VALUES('experiment','shared-by-rule',1,1795673545724,0,NULL,'rZpikB2jS14aq_0W',1);
INSERT INTO "prokube_resource_names" VALUES('registered_model','model',1,1795673545945,0,NULL,'qOTTs7jusD2gRzRz',1);
CREATE TABLE prokube_role_versions (
	role_id INTEGER NOT NULL, 
	version BIGINT NOT NULL, 
	PRIMARY KEY (role_id)
);
INSERT INTO "prokube_role_versions" VALUES(1,5);
INSERT INTO "prokube_role_versions" VALUES(2,2);
INSERT INTO "prokube_role_versions" VALUES(4,1);
CREATE TABLE prokube_sessions (
	id VARCHAR(22) NOT NULL, 
	secret_digest VARCHAR(64) NOT NULL, 
	user_id INTEGER, 
	data TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_seen_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, sid VARCHAR(255), tokens TEXT, checked_at BIGINT, claimed_until BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "prokube_sessions" VALUES('qYrvwgxx4uNN79oxTRF9Ug','a8fbbbd16484bf87e090245b2f24e9b37d0a2dcc5dc19419d9c604adb857a168',1,'{}',1795673543,1795673543,1796278343,'2ZNAHoVvdi-VfAnpoUvfPw','gAAAAABrB83H-8j7fo7t-PMHRUHy0o9-i2sNiY1UD1zqPOJkhzXFoe9QsRG3a_oysMWogyIZ3vRv7aCim7QR2LKQ61ukhDjsHzrpyxsZGXJ5GqRfq54SzAUtieNhWBUwePRlXMUHxSl_RSZB4NKgbVWF93YmVt7XUwYtqEzZIpqD14tN_qMDQL8ag01_Y6ewELuX0Y9orIQvOzitfQ6cjnDjXngxj9L5VZ7qsRBZimIbHj-eZnGZ-MjfINVDAJHkAXSMOx4yoH8q8TG-bMJOIH7tpdtqKpo8dmX0SHObMhMRAxveZv0h9DQWaR8-0LpcJ_39-0auMo0xVU-pt_TCwZaSIhJe1yVQjIKBEaRU0BEbSth9z6eEtPy3tU9woehaOIvMKFJxFpzYcBD86UzZ6muFn8S2EcueInjJbO4R9XaQurs6VRAAoPSp-AXJj8zWCOwYiNanGOfSD_XHowxYh1Dc-SsQCah7fqRsGsjjEDtsKDiwRV9bmXPFKyuTyRTFGPaCYSLgTf3u7sBohuheivB7iBINNuOpvlRlJqpJA17MDJb0oTjQx6lw16jjxdOYeUo2xUfIhOZvPdox06yMCfiJW1KjXrtbKvBL7XtnWEoAqF5LU4HVqK13wRdfIPy3EtJBZviIC8PRXoKYedJKYoH_tJLBmLafqNb95Rw5WelYHzKEz6B3B2AHCkUwEzoEZrKr0P2RT3jxaZ6282Lr5UzfL26-wZUK7nV3kTCMu_Plp-xE0Qe_ap85MuY4oOYswePm5LVfZfDMbj34CjXZTLuSzlsArV1dHLtWYHMJfjpdzucRVBbB0sZY1ZcsgEURwbD5z1hrYQb1sBWBi7XrJ5SUR0J9fOCn8Q2QXIncrVDwnQ9xnP0jQanQVY89mkpKHrou0WcqC1V2EblqJlnCgREMPeBLEEMCGiemCRS3eDnKGdMR3pL1pgQpjxbDG1nihESZ3ysZjZTL1oHQWp76UtIMZEUhfBzVaMZQ3fOHkmD1vj8uuobJOJlZyG0oieZmKKFit3ZzoF_Y9YPqEK0-hJSYAHY8J3vzFvI1rpYmI1fNnPDT5X1YEmXILzH6hMAD5Zm_J1e-z1J3wrWbmwtOqcYIWIRVYhaBig2jAFTsTqUW1ydz1hPDtwcYrDW5tfQAfQwL-RiJcBciXxyYhCMsI9QVm1N8hEEq4TFtemetJ4IbKF5y7EnI53pzCcStT4AA0IVczbwNkSG6hgao4JqKOZkPv3MwBEzHsfaVL-1IJSPiKBeHZGZ82UcBsdFSplFKDV3wi2MhnLOs_dWgLSryWuF9tDyc9ygYPp-xjfufghqi2wlD9f18yEqGM9qF5iyz3Au7Fizv6oO4CWddsneInuI3g1fovZUKmQSRK825w_kRfBEHWauHWuIWpnBkWRXseXrsh48JniVna-FFETZXlLfvBwoig1mL_Xra4VrIKKSbT5FOA4tOaC2DPfQYbgQXH8UfpwDFBzeEJBTMlmACKZRqJR_r7OZ5c_2oR56QECn8jf41MzYIDMxFROi2C3duXHCMoqlBXjitd0EwL9VcyOM4mXCLoXYDsOXrapCxCLwjCRZxTNVc-UHkCgyN4i-K4_xHdxnr3kODKvIfHPnlhGWTziC9lnSB9A==',1795673543,NULL);
INSERT INTO "prokube_sessions" VALUES('M6RYuzRB2m__0Q4KfqeIhA','412b3a85ae63d13cf2bdcd5dc944c671a3ad831a94c27f57d6a01b392403d8a0',2,'{}',1795673543,1795673543,1796278343,'w6jpsJtItBCjcc_YuaODYA','gAAAAABrB83HXgrzaVEP1IcF9jKrvUoZ3VDJ4dMxZ4kv5GrGOUVq2agZaCYfD-tR1qKauSxGfacmCPA3yqwYlZKozhwAaP7It2hOxoDVAaM2RKSTCwNJMRPXahuS9eQePTb96iF4qig9wuoaeJYKHqGnbKHNJsIfeuJbGSuH8oLprFX8J8nrjwCOMwI-YOwL-rz5gX3O5hVrRx14tBc65S7_EAKjlTzMqkh48lLUQaSL8eI7NrlYSNOOVqgzpiGdpYsiNwcjxNcXxXiBRdsJHf00qw-AlAjPOBAcXb5G1zLdG7hSRrAEx1qU5cLXLA6sVZ25YQrBDtGmCqe_LQyCF9zmwH-W9JFas2eOG-DhERO3IH3usqWUQk9Q27VedZCSuNILQipH3GEvABEuqbpmZ4kk-em13e4rrpxcCut9QNjq8iIgBtRYZz8s4TubcVFq4lJ7yJ6sPC-5QMiERzgmXn_3qDfU1PTBjdwSrl0Rye72YOqE8rKTL8qcCOXpX_eUT9qwU6_8KQ_uEH8LGhg7lqbVTOexIGgcI3vcXYXAQ8pewkry9VStCJuuFAqYspqO7u61PhNVn1skUqzuUeejKI_RSsYSM8M6x6S1-mqfPDURRj5EHNjNCFnyOThBmJABH1AlZyBDxEFobidHdR9o02yiwQRBCb_Lwv7HpMIanH9gM71YiDFUoAwkKD4Tcb9RF4CCGrv4neB2_lprTjsApilNG4owh8SGfa1nCZtyNuNpYO9zB0wj-ke33bHp2qoo_kOjI6IT9JKwim6pqJols2DexURL5BPt7R-J_W6-U04se2vFPBqym3r1PXbjKzQFIAhgOAfATRa2UHzLDxmO3DBkUxyAEHY3nLafbbvAQvG9-ZjhN_kYroK1d-dMrka3QvwoxlWvawG2iY9DghBoDc-6vmbeRXKxKmMRaVVIcCnn1R0hRVYYpcl-QmQYCw12iTDhvkA-SedITrXEIqRq3kGBqZk8m1LMv9_CfYkQtJXVnG3KXftTkyJ5y9iGAUZc9-RqFUK9YafQG-lYIfRnHfR2WgysmQMVNv-Wm3H0HN6L8OHbCBnXxdYw-MLZGSGvHr1X9OiQtaNlJnT--bKREMclMlPdEMB5o-avUHFuivUWLKoxhvdD22IGBKjryxlidyeJ30YXGxqSmR3d0hfKsKQ47VFxWpFdNR89YVXxflxL_6KtMuZfODcGubKHhtC717EuepCJgg7QK7uIz9NtIwMuNDwe8Q_p5iACVFFRqgQCM3GB5yseOLsXXFmxbDWqd42BRXp03asRej51LJjoJ4EFnLV59R-dpwxjvepxPKbrK-_P99iBn8TFFmD-_CuK4W6xY5pSejT9Mnm6F-vy055eVJLmXy1dnooMRL_azHmimQPm-zyLwGXn10_Sac7m4Pw6osXO8nWkR_bIRBcTmSR3VrJzLfqiReoRjOU6nzwuI1BVK2JQkNgD9ibriWQWLT95RVNDRrH-Gbnj5A3VZEzfRub0OlPMUuHA5SONHG-RO5ynV6MQjy6WXvExrSUrbtWN4-Sz-JJmbau8aXWk5TGmSPtiGJ4xgODJHOIQSfzf7o2AaAk-W6qcfrhf2GQ89MRYkDyPEAvm',1795673543,NULL);
INSERT INTO "prokube_sessions" VALUES('j2cKN2NeUzP9jT6jeogDhg','32b6e374947b964297883603120e1081f1e7fb82fcdb2224996160f3eb9e9bf6',3,'{}',1795673544,1795673544,1796278344,'ESWQzbdCIFFsDjndnDh3KA','gAAAAABrB83IEtyUj78cjINjjlFZN8QrcE8MeDXubpPp1Taf0L5CvTKmZ4bZlu6c9VMPv1zYH9u6F6fubUfdUtF4QjARHlZ7UefvoToXYAifiPJG9ve747rhQqN0MTXkdyfXVSe2ar-43CKalo_O9sfb-oRZluOqnhlhxNRiWC8ec-rDGTDfNeEHatpBi5s2R-PMeNHDHsyH7ZrrTjjJItozWipztDqJXStjoAOX4lxVwBFly5QdlcRPQyj3ZDVDctEh9I7aBFHSkv1GHYRAqkxekY2tUQ9ZVJV7zjZ0DhRcidaxFIcZZtVNm8cySu9wWX1cFfcjcZ6beYTXUMwAXUtGG-46kEYg_wIKCfG7rkjHbYnae5s8jtfkkrv0zHPC-TqrD36_kYene3dCioR4gTYxZLLvFCeqRd5fLGJjeWwvQzTNAzIgJ6fi5zrr09ye--houE8EndUQm8hwFb5RArzYfW8T2UDxOMiAllFSHxLESonG6hP8BswRvoadUYNL2uL1J7dEfhWuqjP1CeCY5NDEb0g89NW3h0gqx6UnITRVnmaBourBPbHvyeE_lHFx00nS9sg_46Mvu2nX2yiUJJDhgUU-9yMKPTf15zOpYddqxy90h7Tbwkvvf_WZ38ytu5PEH8qB6mDSupigDzw8nXC3vqvpHtXBf5PC2qU5TF69ryDyUrntTc6vscMAoUVPixVCkopZPZofndl9ZG9ZxU3F2v8lKSlH4cfsjxo0qRkpWpcecxgEgzLWqCFcBNx3WRnsvCVZfGpOOe3etwH9_RHsFGRR64CGmewsBXvXEtoiGF1vQns0RP8NYh3xzcnAna0gt9Vbce8FJyR4bDOfMmNTZ_dBxZsS9ywtBVm6_gubjFGb2U-ThPpwJEmcjEnWXysLNkfJpskvHjRYHjiKT6mlxK896iniq1O3S-hrNnZBifEyNJRcnSmPyaeWvx99rKI1kQVsdjfpLlYs_YuXKK5EtwjC-qsWEBDuXun3gta6dgqsU-PE-9WS-W2RABsahCTZKCUmpE0yNzXaAJW36eWRBgNEgBmV8y37Zpwpqx5Nk9gJh4XVQ5Pg-B-5Fgz78mi0ujNpkd9QJLCBKr9hJBwCGuygW3wuE-u-YMWhF8B_5zovlCWTxTJv236LCXpkQyxdPwnA95QmQj7dqzQyi5CDgjT54Sq6pRvOhayONZ0YkhM4Z6fj5v1TzlK4ZT8-fIscdMvDpezTPBHX368hPsL1lAZmK4wLNWPpaiuZAoCIn0PSASWQJ48MBwbVVpDcr_K9TO5U-qPvs-1hOUIIotSt2t5h37TYVb5PouaNNNQ7WmXSROGgwNQnty_9FTZ5b0VUdekQ-DiaQe3SH_75Tqk89CGytmWRRyYTRCNVorIGVJh_jrIIeF7GoZjgaO1dEyNfIX5rWjtvPdzbVD8krUeriHufNKFPP3a71KeanKzxqKdviNH3OQ4q-n2G3i5q5m2pFJoobIkEUr7JoVCPYV04JTXC1IlSVWth6NbwrrXKOii_obiev4p1wHtdum94HIBc0iVBJ00vaDxNfXm1AaiTGb0cz_FmBrk_nLT8oEdXCqZELMXsuzci47AsOgxtnk73neoP0lhIBOkMgL4vmtWL5Sr5ysreDUagmIJUFsgHh9VVZ7tVNOI=',1795673544,NULL);
INSERT INTO "prokube_sessions" VALUES('f0eyZ1Iruzto9njarHsiiA','fd01f1a3431f636cf066e6a44a40ca901973c4688d4e11b5d80544b5ce983d1d',1,'{}',1795673546,1795673546,1796278346,'oqvb-zViOTo7Zv3lE_CiRQ','gAAAAABrB83KHV_XSdFusHn4qr8GeOvdQBAu9nn3sbK7CAn0QO0bul-z8WLjL105mPoNqH_FTum3TkR7Dy9DQGu0drTEpZIpCrSWyxGCXyVv89Thehgf1LLhh7ExeXHZ_vlvhdtQuINaPBDzhHHtRqWRFwb217ehCKK3pcxIccQSrNA1YPKegHSZ1bK6GXc0-0ncAS5wDVpsRRnIuU6lfgBZsylQ1KlsJU-H9I0rz5G4ohYd7TKaqdb83XdqL7WMdaoO-b01lJuMjQlnOvmskht_HJ2WCTjyyy4pRnocWZXFifyI5QXx3p8NB9Fpb6F-8i2B_bfvPLjC6PdObmb8-rew6Ahl7YfFfaZiLQjcIrOucAl21o5cr9vGI7mCB4N06Db2DnkpBYGkAuQDFL_5HdNrF_M8DOXveLQblPf3St8k6Xd2yi5Hsj0XqK9ddsRHERgTKWuU5ml7OZ7T24waJcU07CVcx8V1ixdebEv4Fe2YLakuE4fBnh-kVgJd5doUFoak2uv3s7SFiyj5Py2BLADaEwjXv3jBm4zBIsVa_ek6640pjQuRFMZpF10n4HH5HmDGgmWnG45b8Cr-c6E8JWoCJLh96TVGdEd406qsOHnSWKX76kr7NQSjo3vMFqPtSYljyAXVV_5awTq9-WJi3Swtkl2BXwmUgqJyHYrVZVI9hrmFhMObCHn9OAqkTCY7JDL5LodLne3dOyIZuNNa2QDd5B2IeLZM_CBe-K1qudAZ0INeO_7SYCHoUVzSHC41uncH3vaYTQBRV1XsEEjyIPNPZYze9VnHHgSjAZzQ2G4cjJBWu7lpwaqr4YrMxb7PXfLAHFrFLn9eJILIXROb_wLRMRxM3o1gQsmrnFMf2vg7_znL1KtdiWu1bnFsPZ4cas8tipFr9fBptj2p4x6CI9fCBvCs8ax-TI6aYtjd2xiKu1Qo--HfE89V66V3Wv-42QdybKO6FOx-emmRjNIRaU723Mu2c3U9YhiJszLvlc435ne_L0cOusTEDLH11jwc3BlcdChuhtv3hEJCAoriqXCIuGPNApjDXbx2i99-jGys7lY0KavnP8vFFbCwEvosgch5NUoVjL74spIpthQceflGSj0cBcXH3i3ui1Mwez66qL046lwm-kUl95gXen38DqeOYsAGb7T5YDFrdWpcGKwVAG7gdAQQae_QNhtcctz3lTYQPIBJxXYuu-o4mMiBI9UpMsrKgBChnWIvYXRdvuyWqKGf5NvAb4jk0Fum-j4LtiGZN76FOGzcQ5oABFEEf4eyThPYgNH8_yVTEguu8xec5jS78ZUh49zK2SMyBUOlOTZzni3IPM311nU756-7s1HLvJPUMZPZPT0fXRA9Ex39P8vl9hRoXAPxYJYp_ZRhlaFaeomjGYApXkGQHY-1I9QK3EgMYrdAfuCmq2S2peGE-BXzMzjGVa_jHbvcnF0eImKzfEiz1hVjbbgYlsTlX4q6OnaCMJ0yAjaqGVla_isNIHF92tngjcwBqVv1ypXPbK4a0TUc2Y6yDmpxB2Aqag-GkBhYpjx1Nv3Wne22tN7l60-9acaJtdf5Hu0yXpl_Kb6Ucc0g3nJ_lU3616CMJOhG-OGbNbprg4yfNCX4_r3rvKv0O7ZTjA==',1795673546,NULL);
INSERT INTO "prokube_sessions" VALUES('l3TRcjEZ2NyOls21KLNHqg','517a3649443021359b085fdcd155da0a229a783314acad582df9b4775732d4ec',2,'{}',1795673547,1795673547,1796278347,'ZoKo3wYnQgbc7qD5fKl9kA','gAAAAABrB83LW5VoZM0dwoBHWNttlTTQvi84-uc4F_hYHiA1o17wQaprNtMOc1GVA84c8iCa7pXmx-a5AwJdyjYibp43LhiP4RqQg6Otf4eEfPldhceFwgSveopCTloBMlAejf-HDyuXwJSwNYhkCdzqSAYf6QPnrxSSsSn610pppKa81zt-v9BQrvpeQzAzJXvMeOyMMop8Otu6iHY79tm9MIA2aYTf0Kf0RZFMCDgB5WgMVqJ7azjt89nxzvoyqWgmfhlYUpG_BE-vSFfGwM6NzwXw3p5G-foyjw2vE-Jsl5h70icQ0fd7y1IGikN2iCbX8SdxNO2tbTWfEOGCpROjTdtUKEwPSZJgFQDz5lUrX5bvmKaCRpx_MStf6lStwge3oEqkzqyyH8d5hr0gLJQ1BYl1r5zZ7deCyju7eiS6eyAVXOMwVIcYcCtbNH8Fnvfh5zDJn9Sqah_Gnw_L-hz4eOJ_9pc01AGuBaDDRtYJHUa9-7XjmcucJKi4bh3BKe9Bl3wygTdVlFRPnAnMOPsF7sxLtI4-Rhz53e98SN1yEE9tJYd2n49FzcM7T7-w1yiGF5Ni0ycD-C_cwhcKyEsqBEaSkr8lOlWdD3ssjcosw_i1j51J9NVLJw2Sk_2CoEaWI5fZqY3bZove0QNt8n12p4A8IJgjbMYdsvN9l_ke0YK0IwX1fVwXl9v-z7G0UXmalDDrO-fxrrFwDv3zf6sDHLrao1p80AchfZJB--Dp_OM09k2DJhAoDxKKXUIHohlqFXTSHfTs2I3PQTOB8ZzLIpC3Q-6w-KxhRdjPzk746udj0Ii19mqb21u4198R9AMoOac-1ePP48Q3Poy4BhjxnB1px-Mvi4fc1tqrx58fm0KcZnt8xgfV3VVazTmTVjM8IYhVXyrI6ZMlGLKDHytYws7GGv7QgSdh5sKKMXJgORaISlGsbXVDiU-kkqhv_sG1_Xgah2MR1sglzol7YQCx5PJXdGTSxG0Lgb25mj58KZatJnPnN3Q0XWov7Q3OMpVxQYwBaQo7wJ4n9D91920fjxB5yKnypA72CTLh7a2GttKkYwWlXqKhha5vjDLYCVodo6U4so45JU2ZKQi034Vjwt3UkvyAzHxcOhXbwAryN_az3mC8j_O0juru4mLDL7v80OMuSPtLkD4Yx-_FW_QAT1b3Ub6aZm4MG3Chk1g_WcsimaPe07pE1CxzxEQ1vHK2JOm2G_g208lvWekA2Eqcony0RCaXXVloIs4u7Dd-cJzK65i9-qNSpvDL6-q8nmM1N5IEGnCWble42OfMLDCx_BZGWsmp722EUEx32QrHPq6viDy1xrw_AUMzCl1TNpKCNhEbbXzYOguaNUD1YIa5kzrNhyUiRnAmZM-kBb7tG8o2pkvnxC4KXqnVYL2aTwny3qLik6b5_2Zj1-1QSv3sQLZgs4IlLJyQbLMnyFMil-Dla-tqJUgHne34rr65s3BWE_K6jNmu5Hs2EWlzxV8ALXFs78fmSssufLQ31RbrfhBgC0-hRqCN2tDM6Aj9JPnMakaK1mq_Xri-WYbwg5j_9cNrS3eVdUPeAEFNRvWNx9ntIOCtDp0H5GlqrV7bJbqSLwsNp-Hk',1795673547,NULL);
CREATE TABLE prokube_team_roles (
	role_id INTEGER NOT NULL, 
	team_id INTEGER NOT NULL, 
	rule_id INTEGER NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	PRIMARY KEY (role_id), 
	CONSTRAINT uq_prokube_team_roles UNIQUE (team_id, rule_id, workspace), 
	FOREIGN KEY(team_id) REFERENCES prokube_teams (id) ON DELETE CASCADE
);
INSERT INTO "prokube_team_roles" VALUES(3,1,0,'default');
INSERT INTO "prokube_team_roles" VALUES(4,1,1,'default');
CREATE TABLE prokube_team_rules (
	id INTEGER NOT NULL, 
	team_id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	prefix VARCHAR(255) NOT NULL, 
	permission VARCHAR(16) NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT uq_prokube_team_rules UNIQUE (team_id, kind, prefix), 
	FOREIGN KEY(team_id) REFERENCES prokube_teams (id) ON DELETE CASCADE
);
INSERT INTO "prokube_team_rules" VALUES(1,1,'experiment','shared-','READ');
CREATE TABLE prokube_teams (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	from_keycloak BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "prokube_teams" VALUES(1,'reviewers',0,1795673546);
CREATE TABLE prokube_tokens (
	key_id VARCHAR(12) NOT NULL, 
	user_id INTEGER NOT NULL, 
	active_user_id INTEGER, 
	digest VARCHAR(64) NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	ended_by VARCHAR(16), 
	last_used_at BIGINT, 
	last_used_from VARCHAR(64), 
	PRIMARY KEY (key_id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	UNIQUE (active_user_id)
);
INSERT INTO "prokube_tokens" VALUES('bQE7n4j0vyES',1,NULL,'12496e51401f4ec5fbcf394f6d3293967eaf8ae58ddbe6fbfdc5d017c6698bf4',1795673543,1796278343,1795673546,'replaced',1795673544,'127.0.0.1');
INSERT INTO "prokube_tokens" VALUES('jkCpdtvRr1ZJ',2,NULL,'377e37c73f8bd55a81c3746e435a0a4503c3e131bfef8d6e56c20c1c4d55400b',1795673544,1796278344,1795673547,'replaced',NULL,NULL);
INSERT INTO "prokube_tokens" VALUES('BErBPuFa6Nhi',1,1,'c932d19b0ef42003141955cbcdf526b5e751f51edf69d7143ffeb895389f1687',1795673546,1827209546,NULL,NULL,NULL,NULL);
INSERT INTO "prokube_tokens" VALUES('clZQazbPzHYq',2,2,'7e257b82f6dfc2785e065a43cdafbd41369c54cfa5351d109df5ac7b8332772b',1795673547,1827209547,NULL,NULL,NULL,NULL);
CREATE TABLE prokube_user_names (
	name VARCHAR(255) NOT NULL, 
	user_id INTEGER, 
	issuer VARCHAR(255), 
	subject VARCHAR(255), 
	former_id INTEGER, 
	PRIMARY KEY (name), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL
);
INSERT INTO "prokube_user_names" VALUES('alice@example.com',1,NULL,NULL,NULL);
INSERT INTO "prokube_user_names" VALUES('bob@example.com',2,NULL,NULL,NULL);
INSERT INTO "prokube_user_names" VALUES('admin@example.com',3,NULL,NULL,NULL);
CREATE TABLE "registered_model_aliases" (
	alias VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_alias_pk PRIMARY KEY (workspace, name, alias), 
	CONSTRAINT fk_registered_model_aliases_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE "registered_model_permissions" (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	user_id INTEGER NOT NULL, 
	permission VARCHAR(255), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT fk_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT unique_workspace_name_user UNIQUE (workspace, name, user_id)
);
CREATE TABLE "registered_model_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_tag_pk PRIMARY KEY (workspace, "key", name), 
	CONSTRAINT fk_registered_model_tags_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
CREATE TABLE "registered_models" (
	name VARCHAR(256) NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_pk PRIMARY KEY (workspace, name)
);
INSERT INTO "registered_models" VALUES('model',1795673546016,1795673546016,'','default');
CREATE TABLE review_queue_items (
	queue_id VARCHAR(36) NOT NULL, 
	item_type VARCHAR(16) NOT NULL, 
	item_id VARCHAR(50) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	completed_by VARCHAR(250), 
	completed_time_ms BIGINT, 
	creation_time_ms BIGINT NOT NULL, 
	last_update_time_ms BIGINT NOT NULL, 
	CONSTRAINT review_queue_items_pk PRIMARY KEY (queue_id, item_id), 
	CONSTRAINT fk_review_queue_items_queue_id FOREIGN KEY(queue_id) REFERENCES review_queues (queue_id) ON DELETE CASCADE
);
CREATE TABLE review_queue_label_schemas (
	queue_id VARCHAR(36) NOT NULL, 
	schema_id VARCHAR(36) NOT NULL, 
	CONSTRAINT review_queue_label_schemas_pk PRIMARY KEY (queue_id, schema_id), 
	CONSTRAINT fk_review_queue_label_schemas_queue_id FOREIGN KEY(queue_id) REFERENCES review_queues (queue_id) ON DELETE CASCADE
);
CREATE TABLE review_queue_users (
	queue_id VARCHAR(36) NOT NULL, 
	user_id VARCHAR(250) NOT NULL, 
	CONSTRAINT review_queue_users_pk PRIMARY KEY (queue_id, user_id), 
	CONSTRAINT fk_review_queue_users_queue_id FOREIGN KEY(queue_id) REFERENCES review_queues (queue_id) ON DELETE CASCADE
);
CREATE TABLE review_queues (
	queue_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	queue_type VARCHAR(16) NOT NULL, 
	created_by VARCHAR(255), 
	creation_time_ms BIGINT NOT NULL, 
	last_update_time_ms BIGINT NOT NULL, 
	name_key VARCHAR(250) NOT NULL, 
	CONSTRAINT review_queues_pk PRIMARY KEY (queue_id), 
	CONSTRAINT fk_review_queues_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE, 
	CONSTRAINT uq_review_queues_experiment_name_key UNIQUE (experiment_id, name_key)
);
CREATE TABLE role_permissions (
	id INTEGER NOT NULL, 
	role_id INTEGER NOT NULL, 
	resource_type VARCHAR(64) NOT NULL, 
	resource_pattern VARCHAR(255) NOT NULL, 
	permission VARCHAR(255) NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT unique_role_resource_perm UNIQUE (role_id, resource_type, resource_pattern), 
	FOREIGN KEY(role_id) REFERENCES roles (id)
);
INSERT INTO "role_permissions" VALUES(1,1,'experiment','1','MANAGE');
INSERT INTO "role_permissions" VALUES(2,1,'experiment','2','MANAGE');
INSERT INTO "role_permissions" VALUES(3,1,'experiment','3','MANAGE');
INSERT INTO "role_permissions" VALUES(4,1,'experiment','4','MANAGE');
INSERT INTO "role_permissions" VALUES(5,1,'registered_model','model','MANAGE');
INSERT INTO "role_permissions" VALUES(6,2,'experiment','2','EDIT');
INSERT INTO "role_permissions" VALUES(7,2,'registered_model','model','READ');
INSERT INTO "role_permissions" VALUES(8,4,'experiment','4','READ');
CREATE TABLE roles (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	workspace VARCHAR(63) NOT NULL, 
	description VARCHAR(1024), 
	PRIMARY KEY (id), 
	CONSTRAINT unique_workspace_role_name UNIQUE (workspace, name)
);
INSERT INTO "roles" VALUES(1,'__user_1__','default',NULL);
INSERT INTO "roles" VALUES(2,'__user_2__','default',NULL);
INSERT INTO "roles" VALUES(3,'reviewers','default','A team.');
INSERT INTO "roles" VALUES(4,'reviewers: experiment shared-*','default','What is named shared-*; made by a rule of the team.');
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO "runs" VALUES('8d2f640c114a4043a1a1695d64e9e954','nosy-newt-895','UNKNOWN','','','','RUNNING',0,NULL,'','active','mlflow-artifacts:/1/8d2f640c114a4043a1a1695d64e9e954/artifacts',1,NULL);
CREATE TABLE scheduler_leases (
	lease_key VARCHAR(255) NOT NULL, 
	acquired_at BIGINT NOT NULL, 
	ttl_seconds INTEGER NOT NULL, 
	CONSTRAINT scheduler_leases_pk PRIMARY KEY (lease_key)
);
CREATE TABLE scorer_permissions (
	id INTEGER NOT NULL, 
	experiment_id VARCHAR(255) NOT NULL, 
	scorer_name VARCHAR(256) NOT NULL, 
	user_id INTEGER NOT NULL, 
	permission VARCHAR(255), 
	PRIMARY KEY (id), 
	CONSTRAINT fk_scorer_perm_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT unique_scorer_user UNIQUE (experiment_id, scorer_name, user_id)
);
CREATE TABLE scorer_versions (
	scorer_id VARCHAR(36) NOT NULL, 
	scorer_version INTEGER NOT NULL, 
	serialized_scorer TEXT NOT NULL, 
	creation_time BIGINT, 
	CONSTRAINT scorer_version_pk PRIMARY KEY (scorer_id, scorer_version), 
	CONSTRAINT fk_scorer_versions_scorer_id FOREIGN KEY(scorer_id) REFERENCES scorers (scorer_id) ON DELETE CASCADE
);
CREATE TABLE scorers (
	experiment_id INTEGER NOT NULL, 
	scorer_name VARCHAR(256) NOT NULL, 
	scorer_id VARCHAR(36) NOT NULL, 
	CONSTRAINT scorer_pk PRIMARY KEY (scorer_id), 
	CONSTRAINT fk_scorers_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE "secrets" (
	secret_id VARCHAR(36) NOT NULL, 
	secret_name VARCHAR(255) NOT NULL, 
	encrypted_value BLOB NOT NULL, 
	wrapped_dek BLOB NOT NULL, 
	kek_version INTEGER NOT NULL, 
	masked_value VARCHAR(500) NOT NULL, 
	provider VARCHAR(64), 
	auth_config TEXT, 
	description TEXT, 
	created_by VARCHAR(255), 
	created_at BIGINT NOT NULL, 
	last_updated_by VARCHAR(255), 
	last_updated_at BIGINT NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT secrets_pk PRIMARY KEY (secret_id), 
	CONSTRAINT uq_secrets_workspace_secret_name UNIQUE (workspace, secret_name)
);
CREATE TABLE span_metrics (
	trace_id VARCHAR(50) NOT NULL, 
	span_id VARCHAR(50) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT, 
	CONSTRAINT span_metrics_pk PRIMARY KEY (trace_id, span_id, "key"), 
	CONSTRAINT fk_span_metrics_span FOREIGN KEY(trace_id, span_id) REFERENCES spans (trace_id, span_id) ON DELETE CASCADE
);
CREATE TABLE "spans" (
	trace_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	span_id VARCHAR(50) NOT NULL, 
	parent_span_id VARCHAR(50), 
	name TEXT, 
	type VARCHAR(500), 
	status VARCHAR(50) NOT NULL, 
	start_time_unix_nano BIGINT NOT NULL, 
	end_time_unix_nano BIGINT, 
	duration_ns BIGINT GENERATED ALWAYS AS (end_time_unix_nano - start_time_unix_nano) STORED, 
	content TEXT NOT NULL, 
	input_cost FLOAT, 
	output_cost FLOAT, 
	total_cost FLOAT, 
	model_name VARCHAR(500), 
	model_provider VARCHAR(500), 
	CONSTRAINT spans_pk PRIMARY KEY (trace_id, span_id), 
	CONSTRAINT fk_spans_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_spans_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE sql_assessment_daily_rollups (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	metric_name VARCHAR(250) NOT NULL, 
	grouping_set VARCHAR(50) NOT NULL, 
	sample_count BIGINT NOT NULL, 
	sum_value FLOAT, 
	min_value FLOAT, 
	max_value FLOAT, 
	CONSTRAINT sql_assessment_daily_rollups_pk PRIMARY KEY (id)
);
CREATE TABLE sql_span_cost_daily_rollups (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	metric_name VARCHAR(250) NOT NULL, 
	grouping_set VARCHAR(50) NOT NULL, 
	model_name VARCHAR(500), 
	model_provider VARCHAR(500), 
	sample_count BIGINT NOT NULL, 
	sum_value FLOAT, 
	min_value FLOAT, 
	max_value FLOAT, 
	CONSTRAINT sql_span_cost_daily_rollups_pk PRIMARY KEY (id)
);
CREATE TABLE sql_trace_metric_daily_rollups (
	id INTEGER NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	metric_name VARCHAR(250) NOT NULL, 
	grouping_set VARCHAR(50) NOT NULL, 
	trace_status VARCHAR(50), 
	sample_count BIGINT NOT NULL, 
	sum_value FLOAT, 
	min_value FLOAT, 
	max_value FLOAT, 
	p50_value FLOAT, 
	p90_value FLOAT, 
	p99_value FLOAT, 
	CONSTRAINT sql_trace_metric_daily_rollups_pk PRIMARY KEY (id)
);
CREATE TABLE sql_trace_rollup_rebuild_queue (
	experiment_id INTEGER NOT NULL, 
	rollup_day DATE NOT NULL, 
	rollup_family VARCHAR(50) NOT NULL, 
	CONSTRAINT sql_trace_rollup_rebuild_queue_pk PRIMARY KEY (experiment_id, rollup_day, rollup_family)
);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('mlflow.runName','nosy-newt-895','8d2f640c114a4043a1a1695d64e9e954');
CREATE TABLE "trace_info" (
	request_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	timestamp_ms BIGINT NOT NULL, 
	execution_time_ms BIGINT, 
	status VARCHAR(50) NOT NULL, 
	client_request_id VARCHAR(50), 
	request_preview VARCHAR(1000), 
	response_preview VARCHAR(1000), 
	db_payload_generation INTEGER DEFAULT '0' NOT NULL, trace_name VARCHAR(4096), session_id VARCHAR(250), input_tokens BIGINT, output_tokens BIGINT, total_tokens BIGINT, cache_read_input_tokens BIGINT, cache_creation_input_tokens BIGINT, cache_creation_input_tokens_above_1hr BIGINT, input_cost FLOAT, output_cost FLOAT, total_cost FLOAT, 
	CONSTRAINT trace_info_pk PRIMARY KEY (request_id), 
	CONSTRAINT fk_trace_info_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE trace_metrics (
	request_id VARCHAR(50) NOT NULL, 
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT, 
	CONSTRAINT trace_metrics_pk PRIMARY KEY (request_id, "key"), 
	CONSTRAINT fk_trace_metrics_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE "trace_request_metadata" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_request_metadata_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_request_metadata_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE "trace_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_tag_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_tags_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE user_role_assignments (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	role_id INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT unique_user_role UNIQUE (user_id, role_id), 
	FOREIGN KEY(user_id) REFERENCES users (id), 
	FOREIGN KEY(role_id) REFERENCES roles (id)
);
INSERT INTO "user_role_assignments" VALUES(1,1,1);
INSERT INTO "user_role_assignments" VALUES(2,2,2);
INSERT INTO "user_role_assignments" VALUES(3,2,3);
INSERT INTO "user_role_assignments" VALUES(4,2,4);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	username VARCHAR(255), 
	password_hash VARCHAR(255), 
	is_admin BOOLEAN, 
	PRIMARY KEY (id), 
	UNIQUE (username)
);
INSERT INTO "users" VALUES(1,'alice@example.com','!',0);
INSERT INTO "users" VALUES(2,'bob@example.com','!',0);
INSERT INTO "users" VALUES(3,'admin@example.com','!',1);
CREATE TABLE webhook_events (
	webhook_id VARCHAR(256) NOT NULL, 
	entity VARCHAR(50) NOT NULL, 
	action VARCHAR(50) NOT NULL, 
	CONSTRAINT webhook_event_pk PRIMARY KEY (webhook_id, entity, action), 
	FOREIGN KEY(webhook_id) REFERENCES webhooks (webhook_id) ON DELETE cascade
);
CREATE TABLE "webhooks" (
	webhook_id VARCHAR(256) NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	description VARCHAR(1000), 
	url VARCHAR(500) NOT NULL, 
	status VARCHAR(20) DEFAULT 'ACTIVE' NOT NULL, 
	secret VARCHAR(1000), 
	creation_timestamp BIGINT, 
	last_updated_timestamp BIGINT, 
	deleted_timestamp BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT webhook_pk PRIMARY KEY (webhook_id)
);
CREATE TABLE workspace_permissions (
	workspace VARCHAR(63) NOT NULL, 
	user_id INTEGER NOT NULL, 
	permission VARCHAR(32) NOT NULL, 
	CONSTRAINT workspace_permissions_pk PRIMARY KEY (workspace, user_id), 
	FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE workspaces (
	name VARCHAR(63) NOT NULL, 
	description TEXT, 
	default_artifact_root TEXT, trace_archival_location TEXT, trace_archival_retention VARCHAR(32), 
	CONSTRAINT workspaces_pk PRIMARY KEY (name)
);
INSERT INTO "workspaces" VALUES('default','Default workspace for legacy resources',NULL,NULL,NULL);
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_latest_metrics_run_uuid ON latest_metrics (run_uuid);
CREATE INDEX index_inputs_input_uuid ON inputs (input_uuid);
CREATE INDEX index_inputs_destination_type_destination_id_source_type ON inputs (destination_type, destination_id, source_type);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
CREATE INDEX index_trace_tags_request_id ON trace_tags (request_id);
CREATE INDEX index_trace_request_metadata_request_id ON trace_request_metadata (request_id);
CREATE INDEX index_tags_run_uuid ON tags (run_uuid);
CREATE INDEX index_datasets_experiment_id_dataset_source_type ON datasets (experiment_id, dataset_source_type);
CREATE INDEX index_datasets_dataset_uuid ON datasets (dataset_uuid);
CREATE INDEX index_logged_model_metrics_model_id ON logged_model_metrics (model_id);
CREATE INDEX index_entity_associations_association_id ON entity_associations (association_id);
CREATE INDEX index_entity_associations_reverse_lookup ON entity_associations (destination_type, destination_id, source_type, source_id);
CREATE INDEX idx_webhook_events_entity ON webhook_events (entity);
CREATE INDEX idx_webhook_events_action ON webhook_events (action);
CREATE INDEX idx_webhook_events_entity_action ON webhook_events (entity, action);
CREATE UNIQUE INDEX index_scorers_experiment_id_scorer_name ON scorers (experiment_id, scorer_name);
CREATE INDEX index_scorer_versions_scorer_id ON scorer_versions (scorer_id);
CREATE INDEX index_evaluation_dataset_tags_dataset_id ON evaluation_dataset_tags (dataset_id);
CREATE INDEX index_evaluation_dataset_records_dataset_id ON evaluation_dataset_records (dataset_id);
CREATE INDEX index_endpoint_model_mappings_endpoint_id ON endpoint_model_mappings (endpoint_id);
CREATE INDEX index_endpoint_model_mappings_model_definition_id ON endpoint_model_mappings (model_definition_id);
CREATE INDEX index_endpoint_tags_endpoint_id ON endpoint_tags (endpoint_id);
CREATE INDEX index_trace_metrics_request_id ON trace_metrics (request_id);
CREATE UNIQUE INDEX unique_endpoint_model_linkage_mapping ON endpoint_model_mappings (endpoint_id, model_definition_id, linkage_type);
CREATE INDEX index_span_metrics_trace_id_span_id ON span_metrics (trace_id, span_id);
CREATE INDEX index_evaluation_datasets_name ON evaluation_datasets (name);
CREATE INDEX index_evaluation_datasets_created_time ON evaluation_datasets (created_time);
CREATE INDEX idx_webhooks_status ON webhooks (status);
CREATE INDEX idx_webhooks_name ON webhooks (name);
CREATE TRIGGER prevent_secrets_aad_mutation
BEFORE UPDATE ON secrets
FOR EACH ROW
WHEN OLD.secret_id != NEW.secret_id OR OLD.secret_name != NEW.secret_name
BEGIN
    SELECT RAISE(ABORT, 'secret_id and secret_name are immutable (used as AAD in encryption)');
END;
CREATE INDEX index_model_definitions_provider ON model_definitions (provider);
CREATE INDEX index_model_definitions_secret_id ON model_definitions (secret_id);
CREATE INDEX index_jobs_name_status_creation_time ON jobs (job_name, workspace, status, creation_time);
CREATE INDEX idx_experiments_workspace ON experiments (workspace);
CREATE INDEX idx_registered_models_workspace ON registered_models (workspace);
CREATE INDEX idx_experiments_workspace_creation_time ON experiments (workspace, creation_time);
CREATE INDEX idx_evaluation_datasets_workspace ON evaluation_datasets (workspace);
CREATE INDEX idx_webhooks_workspace ON webhooks (workspace);
CREATE INDEX idx_secrets_workspace ON secrets (workspace);
CREATE INDEX idx_endpoints_workspace ON endpoints (workspace);
CREATE INDEX idx_model_definitions_workspace ON model_definitions (workspace);
CREATE INDEX idx_budget_policies_workspace ON budget_policies (workspace);
CREATE INDEX index_issues_experiment_id ON issues (experiment_id);
CREATE INDEX index_issues_source_run_id ON issues (source_run_id);
CREATE INDEX index_issues_status ON issues (status);
CREATE INDEX index_metrics_run_uuid_key_step ON metrics (run_uuid, "key", step);
CREATE INDEX idx_guardrails_workspace ON guardrails (workspace);
CREATE INDEX idx_guardrails_scorer ON guardrails (scorer_id, scorer_version);
CREATE INDEX idx_guardrail_configs_endpoint_id ON guardrail_configs (endpoint_id);
CREATE INDEX idx_guardrail_configs_guardrail_id ON guardrail_configs (guardrail_id);
CREATE INDEX idx_model_version_tags_workspace_name_version ON model_version_tags (workspace, name, version);
CREATE INDEX idx_registered_model_tags_workspace_name ON registered_model_tags (workspace, name);
CREATE INDEX index_label_schemas_experiment_id ON label_schemas (experiment_id);
CREATE INDEX index_review_queues_experiment_id ON review_queues (experiment_id);
CREATE INDEX index_review_queue_users_user_id ON review_queue_users (user_id);
CREATE INDEX index_review_queue_items_queue_id_status ON review_queue_items (queue_id, status);
CREATE INDEX index_review_queue_items_item_id ON review_queue_items (item_id);
CREATE INDEX index_review_queue_label_schemas_schema_id ON review_queue_label_schemas (schema_id);
CREATE INDEX idx_mcp_server_versions_latest ON mcp_server_versions (workspace, name, status, version_major DESC, version_minor DESC, version_patch DESC);
CREATE INDEX ix_mcp_access_endpoints_server_name ON mcp_access_endpoints (workspace, server_name);
CREATE INDEX ix_mcp_access_endpoints_version ON mcp_access_endpoints (workspace, server_name, server_version);
CREATE INDEX ix_mcp_access_endpoints_alias ON mcp_access_endpoints (workspace, server_name, server_alias);
CREATE INDEX idx_budget_policies_target_value ON budget_policies (target_value);
CREATE INDEX index_trace_info_experiment_id_timestamp_ms ON trace_info (experiment_id, timestamp_ms);
CREATE INDEX index_trace_info_timestamp_ms_request_id ON trace_info (timestamp_ms, request_id);
CREATE INDEX index_assessments_run_id_created_timestamp ON assessments (run_id, created_timestamp);
CREATE INDEX index_assessments_last_updated_timestamp ON assessments (last_updated_timestamp);
CREATE INDEX index_assessments_assessment_type ON assessments (assessment_type);
CREATE INDEX index_assessments_trace_id_created_timestamp ON assessments (trace_id, created_timestamp);
CREATE INDEX index_spans_experiment_id_duration ON spans (experiment_id, duration_ns);
CREATE INDEX index_spans_experiment_id_status_type ON spans (experiment_id, status, type);
CREATE INDEX index_spans_experiment_id_start_time ON spans (experiment_id, start_time_unix_nano);
CREATE INDEX index_spans_experiment_id_type_status ON spans (experiment_id, type, status);
CREATE INDEX index_trace_info_experiment_id_session_id ON trace_info (experiment_id, session_id);
CREATE INDEX idx_trace_rollups_lookup ON sql_trace_metric_daily_rollups (experiment_id, rollup_day, metric_name, grouping_set, trace_status);
CREATE INDEX idx_span_cost_rollups_lookup ON sql_span_cost_daily_rollups (experiment_id, rollup_day, metric_name, grouping_set, model_name, model_provider);
CREATE INDEX idx_assessment_rollups_lookup ON sql_assessment_daily_rollups (experiment_id, rollup_day, metric_name, grouping_set);
CREATE INDEX idx_spans_cost_trace_time_cover ON spans (trace_id, start_time_unix_nano);
CREATE INDEX idx_spans_cost_exp_time_cover ON spans (experiment_id, start_time_unix_nano);
CREATE INDEX idx_assessments_exp_trace_ts ON assessments (experiment_id, trace_timestamp_ms);
CREATE INDEX idx_assessments_exp_trace_ts_name ON assessments (experiment_id, trace_timestamp_ms, name);
CREATE INDEX idx_assessments_exp_name_valid ON assessments (experiment_id, name, valid);
CREATE INDEX index_job_locks_job_id ON job_locks (job_id);
CREATE INDEX index_jobs_status_lease_expires_at ON jobs (status, lease_expires_at);
CREATE INDEX idx_workspace_permissions_user_id ON workspace_permissions (user_id);
CREATE INDEX idx_workspace_permissions_workspace ON workspace_permissions (workspace);
CREATE INDEX idx_roles_workspace ON roles (workspace);
CREATE INDEX idx_role_permissions_role_id ON role_permissions (role_id);
CREATE INDEX idx_user_role_assignments_user_id ON user_role_assignments (user_id);
CREATE INDEX idx_user_role_assignments_role_id ON user_role_assignments (role_id);
CREATE INDEX ix_prokube_tokens_user_id ON prokube_tokens (user_id);
CREATE INDEX ix_prokube_sessions_user_id ON prokube_sessions (user_id);
CREATE INDEX ix_prokube_sessions_expires_at ON prokube_sessions (expires_at);
CREATE INDEX ix_prokube_audit_events_at ON prokube_audit_events (at);
CREATE INDEX ix_prokube_sessions_sid ON prokube_sessions (sid);
CREATE INDEX ix_prokube_logout_tokens_expires_at ON prokube_logout_tokens (expires_at);
CREATE INDEX ix_prokube_consents_expires_at ON prokube_consents (expires_at);
CREATE INDEX ix_prokube_role_permissions_resource ON role_permissions (resource_type, resource_pattern);
CREATE INDEX ix_prokube_resource_names_pending ON prokube_resource_names (user_id, pending);
CREATE INDEX ix_prokube_counted_versions_user_id ON prokube_counted_versions (user_id);
CREATE INDEX ix_prokube_user_names_user_id ON prokube_user_names (user_id);
CREATE TRIGGER prokube_role_permissions_insert AFTER INSERT ON role_permissions BEGIN INSERT INTO prokube_role_versions (role_id, version) VALUES (NEW.role_id, 1) ON CONFLICT (role_id) DO UPDATE SET version = version + 1; END;
CREATE TRIGGER prokube_role_permissions_update AFTER UPDATE ON role_permissions BEGIN INSERT INTO prokube_role_versions (role_id, version) VALUES (OLD.role_id, 1) ON CONFLICT (role_id) DO UPDATE SET version = version + 1; INSERT INTO prokube_role_versions (role_id, version) VALUES (NEW.role_id, 1) ON CONFLICT (role_id) DO UPDATE SET version = version + 1; END;
CREATE TRIGGER prokube_role_permissions_delete AFTER DELETE ON role_permissions BEGIN INSERT INTO prokube_role_versions (role_id, version) VALUES (OLD.role_id, 1) ON CONFLICT (role_id) DO UPDATE SET version = version + 1; END;
CREATE TRIGGER prokube_roles_update AFTER UPDATE ON roles BEGIN INSERT INTO prokube_role_versions (role_id, version) VALUES (OLD.id, 1) ON CONFLICT (role_id) DO UPDATE SET version = version + 1; INSERT INTO prokube_role_versions (role_id, version) VALUES (NEW.id, 1) ON CONFLICT (role_id) DO UPDATE SET version = version + 1; END;
CREATE TRIGGER prokube_roles_delete AFTER DELETE ON roles BEGIN INSERT INTO prokube_role_versions (role_id, version) VALUES (OLD.id, 1) ON CONFLICT (role_id) DO UPDATE SET version = version + 1; END;
COMMIT;
