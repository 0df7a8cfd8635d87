--
-- PostgreSQL database dump
--

\restrict nddZvxTBi5wL1gZq6LWasct4RRCqktXzeAil199ojLCERqSWzDkYuIzisjU40kT

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: prevent_secrets_aad_mutation(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.prevent_secrets_aad_mutation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.secret_id != NEW.secret_id OR OLD.secret_name != NEW.secret_name THEN
        RAISE EXCEPTION 'secret_id and secret_name are immutable (used as AAD in encryption)';
    END IF;
    RETURN NEW;
END;
$$;


--
-- Name: prokube_bump_role_permissions(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.prokube_bump_role_permissions() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO prokube_role_versions AS known (role_id, version)
      SELECT DISTINCT role_id, 1 FROM old_rows ORDER BY 1
      ON CONFLICT (role_id) DO UPDATE SET version = known.version + 1;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO prokube_role_versions AS known (role_id, version)
      SELECT DISTINCT role_id, 1 FROM new_rows ORDER BY 1
      ON CONFLICT (role_id) DO UPDATE SET version = known.version + 1;
  END IF;
  RETURN NULL;
END $$;


--
-- Name: prokube_bump_roles(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.prokube_bump_roles() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO prokube_role_versions AS known (role_id, version)
      SELECT DISTINCT id, 1 FROM old_rows ORDER BY 1
      ON CONFLICT (role_id) DO UPDATE SET version = known.version + 1;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO prokube_role_versions AS known (role_id, version)
      SELECT DISTINCT id, 1 FROM new_rows ORDER BY 1
      ON CONFLICT (role_id) DO UPDATE SET version = known.version + 1;
  END IF;
  RETURN NULL;
END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: alembic_version_auth; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version_auth (
    version_num character varying(32) NOT NULL
);


--
-- Name: alembic_version_prokube_auth; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version_prokube_auth (
    version_num character varying(32) NOT NULL
);


--
-- Name: assessments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.assessments (
    assessment_id character varying(50) NOT NULL,
    trace_id character varying(50) NOT NULL,
    name character varying(250) NOT NULL,
    assessment_type character varying(20) NOT NULL,
    value text NOT NULL,
    error text,
    created_timestamp bigint NOT NULL,
    last_updated_timestamp bigint NOT NULL,
    source_type character varying(50) NOT NULL,
    source_id character varying(250),
    run_id character varying(32),
    span_id character varying(50),
    rationale text,
    overrides character varying(50),
    valid boolean NOT NULL,
    assessment_metadata text,
    experiment_id integer,
    trace_timestamp_ms bigint,
    aggregate_value double precision,
    is_numeric_value boolean DEFAULT false NOT NULL
);


--
-- Name: budget_policies; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.budget_policies (
    budget_policy_id character varying(36) NOT NULL,
    budget_unit character varying(32) NOT NULL,
    budget_amount double precision NOT NULL,
    duration_unit character varying(32) NOT NULL,
    duration_value integer NOT NULL,
    target_scope character varying(32) NOT NULL,
    budget_action character varying(32) NOT NULL,
    created_by character varying(255),
    created_at bigint NOT NULL,
    last_updated_by character varying(255),
    last_updated_at bigint NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    target_value character varying(255)
);


--
-- Name: datasets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.datasets (
    dataset_uuid character varying(36) NOT NULL,
    experiment_id integer NOT NULL,
    name character varying(500) NOT NULL,
    digest character varying(36) NOT NULL,
    dataset_source_type character varying(36) NOT NULL,
    dataset_source text NOT NULL,
    dataset_schema text,
    dataset_profile text
);


--
-- Name: endpoint_bindings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.endpoint_bindings (
    endpoint_id character varying(36) NOT NULL,
    resource_type character varying(50) NOT NULL,
    resource_id character varying(255) NOT NULL,
    created_at bigint NOT NULL,
    created_by character varying(255),
    last_updated_at bigint NOT NULL,
    last_updated_by character varying(255),
    display_name character varying(255)
);


--
-- Name: endpoint_model_mappings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.endpoint_model_mappings (
    mapping_id character varying(36) NOT NULL,
    endpoint_id character varying(36) NOT NULL,
    model_definition_id character varying(36) NOT NULL,
    weight double precision NOT NULL,
    created_by character varying(255),
    created_at bigint NOT NULL,
    linkage_type character varying(64) DEFAULT 'PRIMARY'::character varying NOT NULL,
    fallback_order integer
);


--
-- Name: endpoint_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.endpoint_tags (
    key character varying(250) NOT NULL,
    value character varying(5000),
    endpoint_id character varying(36) NOT NULL
);


--
-- Name: endpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.endpoints (
    endpoint_id character varying(36) NOT NULL,
    name character varying(255),
    created_by character varying(255),
    created_at bigint NOT NULL,
    last_updated_by character varying(255),
    last_updated_at bigint NOT NULL,
    routing_strategy character varying(64),
    fallback_config_json text,
    experiment_id integer,
    usage_tracking boolean DEFAULT false NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: entity_associations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.entity_associations (
    association_id character varying(36) NOT NULL,
    source_type character varying(36) NOT NULL,
    source_id character varying(36) NOT NULL,
    destination_type character varying(36) NOT NULL,
    destination_id character varying(36) NOT NULL,
    created_time bigint
);


--
-- Name: evaluation_dataset_records; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.evaluation_dataset_records (
    dataset_record_id character varying(36) NOT NULL,
    dataset_id character varying(36) NOT NULL,
    inputs json NOT NULL,
    expectations json,
    tags json,
    source json,
    source_id character varying(36),
    source_type character varying(255),
    created_time bigint,
    last_update_time bigint,
    created_by character varying(255),
    last_updated_by character varying(255),
    input_hash character varying(64) NOT NULL,
    outputs json
);


--
-- Name: evaluation_dataset_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.evaluation_dataset_tags (
    dataset_id character varying(36) NOT NULL,
    key character varying(255) NOT NULL,
    value character varying(5000)
);


--
-- Name: evaluation_datasets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.evaluation_datasets (
    dataset_id character varying(36) NOT NULL,
    name character varying(255) NOT NULL,
    schema text,
    profile text,
    digest character varying(64),
    created_time bigint,
    last_update_time bigint,
    created_by character varying(255),
    last_updated_by character varying(255),
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: experiment_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.experiment_permissions (
    id integer NOT NULL,
    experiment_id character varying(255) NOT NULL,
    user_id integer NOT NULL,
    permission character varying(255)
);


--
-- Name: experiment_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.experiment_permissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: experiment_permissions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.experiment_permissions_id_seq OWNED BY public.experiment_permissions.id;


--
-- Name: experiment_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.experiment_tags (
    key character varying(250) NOT NULL,
    value text,
    experiment_id integer NOT NULL
);


--
-- Name: experiments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.experiments (
    experiment_id integer NOT NULL,
    name character varying(256) NOT NULL,
    artifact_location character varying(256),
    lifecycle_stage character varying(32),
    creation_time bigint,
    last_update_time bigint,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    CONSTRAINT experiments_lifecycle_stage CHECK (((lifecycle_stage)::text = ANY ((ARRAY['active'::character varying, 'deleted'::character varying])::text[])))
);


--
-- Name: experiments_experiment_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.experiments_experiment_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: experiments_experiment_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.experiments_experiment_id_seq OWNED BY public.experiments.experiment_id;


--
-- Name: gateway_endpoint_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gateway_endpoint_permissions (
    id integer NOT NULL,
    endpoint_id character varying(255) NOT NULL,
    user_id integer NOT NULL,
    permission character varying(255)
);


--
-- Name: gateway_endpoint_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.gateway_endpoint_permissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: gateway_endpoint_permissions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.gateway_endpoint_permissions_id_seq OWNED BY public.gateway_endpoint_permissions.id;


--
-- Name: gateway_model_definition_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gateway_model_definition_permissions (
    id integer NOT NULL,
    model_definition_id character varying(255) NOT NULL,
    user_id integer NOT NULL,
    permission character varying(255)
);


--
-- Name: gateway_model_definition_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.gateway_model_definition_permissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: gateway_model_definition_permissions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.gateway_model_definition_permissions_id_seq OWNED BY public.gateway_model_definition_permissions.id;


--
-- Name: gateway_secret_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gateway_secret_permissions (
    id integer NOT NULL,
    secret_id character varying(255) NOT NULL,
    user_id integer NOT NULL,
    permission character varying(255)
);


--
-- Name: gateway_secret_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.gateway_secret_permissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: gateway_secret_permissions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.gateway_secret_permissions_id_seq OWNED BY public.gateway_secret_permissions.id;


--
-- Name: guardrail_configs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.guardrail_configs (
    endpoint_id character varying(36) NOT NULL,
    guardrail_id character varying(36) NOT NULL,
    execution_order integer,
    created_by character varying(255),
    created_at bigint NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: guardrails; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.guardrails (
    guardrail_id character varying(36) NOT NULL,
    name character varying(255) NOT NULL,
    scorer_id character varying(36) NOT NULL,
    scorer_version integer NOT NULL,
    stage character varying(32) NOT NULL,
    action character varying(32) NOT NULL,
    action_endpoint_id character varying(36),
    created_by character varying(255),
    created_at bigint NOT NULL,
    last_updated_by character varying(255),
    last_updated_at bigint NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: input_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.input_tags (
    input_uuid character varying(36) NOT NULL,
    name character varying(255) NOT NULL,
    value character varying(500) NOT NULL
);


--
-- Name: inputs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.inputs (
    input_uuid character varying(36) NOT NULL,
    source_type character varying(36) NOT NULL,
    source_id character varying(36) NOT NULL,
    destination_type character varying(36) NOT NULL,
    destination_id character varying(36) NOT NULL,
    step bigint DEFAULT '0'::bigint NOT NULL
);


--
-- Name: issues; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.issues (
    issue_id character varying(36) NOT NULL,
    experiment_id integer NOT NULL,
    name character varying(250) NOT NULL,
    description text NOT NULL,
    status character varying(50) NOT NULL,
    severity character varying(50),
    root_causes text,
    source_run_id character varying(32),
    categories text,
    created_timestamp bigint NOT NULL,
    last_updated_timestamp bigint NOT NULL,
    created_by character varying(255)
);


--
-- Name: job_locks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_locks (
    lock_key character varying(255) NOT NULL,
    job_id character varying(36) NOT NULL,
    acquired_at bigint NOT NULL
);


--
-- Name: jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.jobs (
    id character varying(36) NOT NULL,
    creation_time bigint NOT NULL,
    job_name character varying(500) NOT NULL,
    params text NOT NULL,
    timeout double precision,
    status integer NOT NULL,
    result text,
    retry_count integer NOT NULL,
    last_update_time bigint NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    status_details json,
    creator character varying(255),
    executor_backend character varying(255),
    lease_expires_at bigint,
    status_message text,
    progress json,
    progress_updated_at bigint,
    token_hash character varying(64),
    scoped_permissions json,
    next_attempt_at bigint
);


--
-- Name: label_schemas; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.label_schemas (
    schema_id character varying(36) NOT NULL,
    experiment_id integer NOT NULL,
    name character varying(250) NOT NULL,
    type character varying(16) NOT NULL,
    instruction text,
    enable_comment boolean DEFAULT false NOT NULL,
    input_type character varying(32) NOT NULL,
    input_config text NOT NULL,
    created_by character varying(255),
    created_time bigint NOT NULL,
    last_update_time bigint NOT NULL,
    is_default boolean DEFAULT false NOT NULL
);


--
-- Name: latest_metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.latest_metrics (
    key character varying(250) NOT NULL,
    value double precision NOT NULL,
    "timestamp" bigint,
    step bigint NOT NULL,
    is_nan boolean NOT NULL,
    run_uuid character varying(32) NOT NULL
);


--
-- Name: logged_model_metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.logged_model_metrics (
    model_id character varying(36) NOT NULL,
    metric_name character varying(500) NOT NULL,
    metric_timestamp_ms bigint NOT NULL,
    metric_step bigint NOT NULL,
    metric_value double precision,
    experiment_id integer NOT NULL,
    run_id character varying(32) NOT NULL,
    dataset_uuid character varying(36),
    dataset_name character varying(500),
    dataset_digest character varying(36)
);


--
-- Name: logged_model_params; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.logged_model_params (
    model_id character varying(36) NOT NULL,
    experiment_id integer NOT NULL,
    param_key character varying(255) NOT NULL,
    param_value text NOT NULL
);


--
-- Name: logged_model_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.logged_model_tags (
    model_id character varying(36) NOT NULL,
    experiment_id integer NOT NULL,
    tag_key character varying(255) NOT NULL,
    tag_value text NOT NULL
);


--
-- Name: logged_models; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.logged_models (
    model_id character varying(36) NOT NULL,
    experiment_id integer NOT NULL,
    name character varying(500) NOT NULL,
    artifact_location character varying(1000) NOT NULL,
    creation_timestamp_ms bigint NOT NULL,
    last_updated_timestamp_ms bigint NOT NULL,
    status integer NOT NULL,
    lifecycle_stage character varying(32),
    model_type character varying(500),
    source_run_id character varying(32),
    status_message character varying(1000),
    CONSTRAINT logged_models_lifecycle_stage_check CHECK (((lifecycle_stage)::text = ANY ((ARRAY['active'::character varying, 'deleted'::character varying])::text[])))
);


--
-- Name: mcp_access_endpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mcp_access_endpoints (
    id character varying(36) NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    server_name character varying(256) NOT NULL,
    server_version character varying(128),
    server_alias character varying(256),
    url character varying(2048) NOT NULL,
    transport_type character varying(32) DEFAULT 'streamable-http'::character varying NOT NULL,
    created_by character varying(256),
    last_updated_by character varying(256),
    created_at bigint NOT NULL,
    last_updated_at bigint NOT NULL
);


--
-- Name: mcp_server_aliases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mcp_server_aliases (
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    name character varying(256) NOT NULL,
    alias character varying(256) NOT NULL,
    version character varying(128) NOT NULL
);


--
-- Name: mcp_server_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mcp_server_tags (
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    name character varying(256) NOT NULL,
    key character varying(250) NOT NULL,
    value character varying(5000)
);


--
-- Name: mcp_server_version_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mcp_server_version_tags (
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    name character varying(256) NOT NULL,
    version character varying(128) NOT NULL,
    key character varying(250) NOT NULL,
    value character varying(5000)
);


--
-- Name: mcp_server_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mcp_server_versions (
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    name character varying(256) NOT NULL,
    version character varying(128) NOT NULL,
    version_major integer NOT NULL,
    version_minor integer NOT NULL,
    version_patch integer NOT NULL,
    version_prerelease_sort_key character varying(512) NOT NULL,
    server_json json NOT NULL,
    status character varying(20) DEFAULT 'draft'::character varying NOT NULL,
    tools json,
    source character varying(512),
    connect_options json,
    created_by character varying(256),
    last_updated_by character varying(256),
    created_at bigint NOT NULL,
    last_updated_at bigint NOT NULL
);


--
-- Name: mcp_servers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mcp_servers (
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL,
    name character varying(256) NOT NULL,
    display_name character varying(256),
    description text,
    icons json,
    created_by character varying(256),
    last_updated_by character varying(256),
    created_at bigint NOT NULL,
    last_updated_at bigint NOT NULL
);


--
-- Name: metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.metrics (
    key character varying(250) NOT NULL,
    value double precision NOT NULL,
    "timestamp" bigint NOT NULL,
    run_uuid character varying(32) NOT NULL,
    step bigint DEFAULT '0'::bigint NOT NULL,
    is_nan boolean DEFAULT false NOT NULL
);


--
-- Name: model_definitions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_definitions (
    model_definition_id character varying(36) NOT NULL,
    name character varying(255) NOT NULL,
    secret_id character varying(36),
    provider character varying(64) NOT NULL,
    model_name character varying(256) NOT NULL,
    created_by character varying(255),
    created_at bigint NOT NULL,
    last_updated_by character varying(255),
    last_updated_at bigint NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: model_version_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_version_tags (
    key character varying(250) NOT NULL,
    value text,
    name character varying(256) NOT NULL,
    version integer NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: model_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_versions (
    name character varying(256) NOT NULL,
    version integer NOT NULL,
    creation_time bigint,
    last_updated_time bigint,
    description character varying(5000),
    user_id character varying(256),
    current_stage character varying(20),
    source character varying(500),
    run_id character varying(32),
    status character varying(20),
    status_message character varying(500),
    run_link character varying(500),
    storage_location character varying(500),
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: online_scoring_configs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.online_scoring_configs (
    online_scoring_config_id character varying(36) NOT NULL,
    scorer_id character varying(36) NOT NULL,
    sample_rate double precision NOT NULL,
    experiment_id integer NOT NULL,
    filter_string text
);


--
-- Name: params; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.params (
    key character varying(250) NOT NULL,
    value character varying(8000) NOT NULL,
    run_uuid character varying(32) NOT NULL
);


--
-- Name: prokube_audit_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_audit_events (
    id integer NOT NULL,
    at bigint NOT NULL,
    actor character varying(255) NOT NULL,
    action character varying(64) NOT NULL,
    target character varying(512) NOT NULL,
    client character varying(64) NOT NULL,
    detail text NOT NULL
);


--
-- Name: prokube_audit_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.prokube_audit_events_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: prokube_audit_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.prokube_audit_events_id_seq OWNED BY public.prokube_audit_events.id;


--
-- Name: prokube_consents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_consents (
    code_digest character varying(64) NOT NULL,
    user_id integer NOT NULL,
    challenge character varying(64) NOT NULL,
    days integer NOT NULL,
    expires_at bigint NOT NULL
);


--
-- Name: prokube_counted_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_counted_versions (
    digest character varying(64) NOT NULL,
    user_id integer NOT NULL
);


--
-- Name: prokube_identities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_identities (
    user_id integer NOT NULL,
    issuer character varying(255) NOT NULL,
    subject character varying(255) NOT NULL,
    display_name character varying(255) NOT NULL,
    admitted_by character varying(255) NOT NULL,
    admin_by character varying(255),
    disabled boolean NOT NULL,
    last_login_at bigint,
    last_confirmed_at bigint NOT NULL,
    check_due boolean DEFAULT false NOT NULL,
    claimed_until bigint,
    generation integer DEFAULT 0 NOT NULL,
    blocked boolean DEFAULT false NOT NULL
);


--
-- Name: prokube_local_admins; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_local_admins (
    user_id integer NOT NULL,
    password_hash character varying(255) NOT NULL,
    failures integer NOT NULL,
    locked_until bigint
);


--
-- Name: prokube_logout_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_logout_tokens (
    jti character varying(255) NOT NULL,
    expires_at bigint NOT NULL
);


--
-- Name: prokube_resource_names; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_resource_names (
    kind character varying(32) NOT NULL,
    name character varying(512) NOT NULL,
    user_id integer NOT NULL,
    reserved_ms bigint NOT NULL,
    pending boolean NOT NULL,
    held_until bigint,
    claim_id character varying(16) DEFAULT ''::character varying NOT NULL,
    healable boolean DEFAULT true NOT NULL
);


--
-- Name: prokube_role_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_role_versions (
    role_id integer NOT NULL,
    version bigint NOT NULL
);


--
-- Name: prokube_sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_sessions (
    id character varying(22) NOT NULL,
    secret_digest character varying(64) NOT NULL,
    user_id integer,
    data text NOT NULL,
    created_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    sid character varying(255),
    tokens text,
    checked_at bigint,
    claimed_until bigint
);


--
-- Name: prokube_team_roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_team_roles (
    role_id integer NOT NULL,
    team_id integer NOT NULL,
    rule_id integer NOT NULL,
    workspace character varying(63) NOT NULL
);


--
-- Name: prokube_team_rules; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_team_rules (
    id integer NOT NULL,
    team_id integer NOT NULL,
    kind character varying(32) NOT NULL,
    prefix character varying(255) NOT NULL,
    permission character varying(16) NOT NULL
);


--
-- Name: prokube_team_rules_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.prokube_team_rules_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: prokube_team_rules_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.prokube_team_rules_id_seq OWNED BY public.prokube_team_rules.id;


--
-- Name: prokube_teams; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_teams (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    from_keycloak boolean NOT NULL,
    created_at bigint NOT NULL
);


--
-- Name: prokube_teams_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.prokube_teams_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: prokube_teams_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.prokube_teams_id_seq OWNED BY public.prokube_teams.id;


--
-- Name: prokube_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_tokens (
    key_id character varying(12) NOT NULL,
    user_id integer NOT NULL,
    active_user_id integer,
    digest character varying(64) NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at bigint,
    ended_by character varying(16),
    last_used_at bigint,
    last_used_from character varying(64)
);


--
-- Name: prokube_user_names; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prokube_user_names (
    name character varying(255) NOT NULL,
    user_id integer,
    issuer character varying(255),
    subject character varying(255),
    former_id integer
);


--
-- Name: registered_model_aliases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registered_model_aliases (
    alias character varying(256) NOT NULL,
    version integer NOT NULL,
    name character varying(256) NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: registered_model_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registered_model_permissions (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    user_id integer NOT NULL,
    permission character varying(255),
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: registered_model_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.registered_model_permissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: registered_model_permissions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.registered_model_permissions_id_seq OWNED BY public.registered_model_permissions.id;


--
-- Name: registered_model_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registered_model_tags (
    key character varying(250) NOT NULL,
    value character varying(5000),
    name character varying(256) NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: registered_models; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registered_models (
    name character varying(256) NOT NULL,
    creation_time bigint,
    last_updated_time bigint,
    description character varying(5000),
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: review_queue_items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.review_queue_items (
    queue_id character varying(36) NOT NULL,
    item_type character varying(16) NOT NULL,
    item_id character varying(50) NOT NULL,
    status character varying(16) NOT NULL,
    completed_by character varying(250),
    completed_time_ms bigint,
    creation_time_ms bigint NOT NULL,
    last_update_time_ms bigint NOT NULL
);


--
-- Name: review_queue_label_schemas; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.review_queue_label_schemas (
    queue_id character varying(36) NOT NULL,
    schema_id character varying(36) NOT NULL
);


--
-- Name: review_queue_users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.review_queue_users (
    queue_id character varying(36) NOT NULL,
    user_id character varying(250) NOT NULL
);


--
-- Name: review_queues; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.review_queues (
    queue_id character varying(36) NOT NULL,
    experiment_id integer NOT NULL,
    name character varying(250) NOT NULL,
    queue_type character varying(16) NOT NULL,
    created_by character varying(255),
    creation_time_ms bigint NOT NULL,
    last_update_time_ms bigint NOT NULL,
    name_key character varying(250) NOT NULL
);


--
-- Name: role_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.role_permissions (
    id integer NOT NULL,
    role_id integer NOT NULL,
    resource_type character varying(64) NOT NULL,
    resource_pattern character varying(255) NOT NULL,
    permission character varying(255) NOT NULL
);


--
-- Name: role_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.role_permissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: role_permissions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.role_permissions_id_seq OWNED BY public.role_permissions.id;


--
-- Name: roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.roles (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    workspace character varying(63) NOT NULL,
    description character varying(1024)
);


--
-- Name: roles_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.roles_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: roles_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.roles_id_seq OWNED BY public.roles.id;


--
-- Name: runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.runs (
    run_uuid character varying(32) NOT NULL,
    name character varying(250),
    source_type character varying(20),
    source_name character varying(500),
    entry_point_name character varying(50),
    user_id character varying(256),
    status character varying(9),
    start_time bigint,
    end_time bigint,
    source_version character varying(50),
    lifecycle_stage character varying(20),
    artifact_uri character varying(200),
    experiment_id integer,
    deleted_time bigint,
    CONSTRAINT runs_lifecycle_stage CHECK (((lifecycle_stage)::text = ANY ((ARRAY['active'::character varying, 'deleted'::character varying])::text[]))),
    CONSTRAINT runs_status_check CHECK (((status)::text = ANY ((ARRAY['SCHEDULED'::character varying, 'FAILED'::character varying, 'FINISHED'::character varying, 'RUNNING'::character varying, 'KILLED'::character varying])::text[]))),
    CONSTRAINT source_type CHECK (((source_type)::text = ANY ((ARRAY['NOTEBOOK'::character varying, 'JOB'::character varying, 'LOCAL'::character varying, 'UNKNOWN'::character varying, 'PROJECT'::character varying])::text[])))
);


--
-- Name: scheduler_leases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scheduler_leases (
    lease_key character varying(255) NOT NULL,
    acquired_at bigint NOT NULL,
    ttl_seconds integer NOT NULL
);


--
-- Name: scorer_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scorer_permissions (
    id integer NOT NULL,
    experiment_id character varying(255) NOT NULL,
    scorer_name character varying(256) NOT NULL,
    user_id integer NOT NULL,
    permission character varying(255)
);


--
-- Name: scorer_permissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.scorer_permissions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: scorer_permissions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.scorer_permissions_id_seq OWNED BY public.scorer_permissions.id;


--
-- Name: scorer_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scorer_versions (
    scorer_id character varying(36) NOT NULL,
    scorer_version integer NOT NULL,
    serialized_scorer text NOT NULL,
    creation_time bigint
);


--
-- Name: scorers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.scorers (
    experiment_id integer NOT NULL,
    scorer_name character varying(256) NOT NULL,
    scorer_id character varying(36) NOT NULL
);


--
-- Name: secrets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.secrets (
    secret_id character varying(36) NOT NULL,
    secret_name character varying(255) NOT NULL,
    encrypted_value bytea NOT NULL,
    wrapped_dek bytea NOT NULL,
    kek_version integer NOT NULL,
    masked_value character varying(500) NOT NULL,
    provider character varying(64),
    auth_config text,
    description text,
    created_by character varying(255),
    created_at bigint NOT NULL,
    last_updated_by character varying(255),
    last_updated_at bigint NOT NULL,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: span_metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.span_metrics (
    trace_id character varying(50) NOT NULL,
    span_id character varying(50) NOT NULL,
    key character varying(250) NOT NULL,
    value double precision
);


--
-- Name: spans; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.spans (
    trace_id character varying(50) NOT NULL,
    experiment_id integer NOT NULL,
    span_id character varying(50) NOT NULL,
    parent_span_id character varying(50),
    name text,
    type character varying(500),
    status character varying(50) NOT NULL,
    start_time_unix_nano bigint NOT NULL,
    end_time_unix_nano bigint,
    duration_ns bigint GENERATED ALWAYS AS ((end_time_unix_nano - start_time_unix_nano)) STORED,
    content text NOT NULL,
    input_cost double precision,
    output_cost double precision,
    total_cost double precision,
    model_name character varying(500),
    model_provider character varying(500)
);


--
-- Name: sql_assessment_daily_rollups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sql_assessment_daily_rollups (
    id bigint NOT NULL,
    experiment_id integer NOT NULL,
    rollup_day date NOT NULL,
    metric_name character varying(250) NOT NULL,
    grouping_set character varying(50) NOT NULL,
    sample_count bigint NOT NULL,
    sum_value double precision,
    min_value double precision,
    max_value double precision
);


--
-- Name: sql_assessment_daily_rollups_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.sql_assessment_daily_rollups ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.sql_assessment_daily_rollups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: sql_span_cost_daily_rollups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sql_span_cost_daily_rollups (
    id bigint NOT NULL,
    experiment_id integer NOT NULL,
    rollup_day date NOT NULL,
    metric_name character varying(250) NOT NULL,
    grouping_set character varying(50) NOT NULL,
    model_name character varying(500),
    model_provider character varying(500),
    sample_count bigint NOT NULL,
    sum_value double precision,
    min_value double precision,
    max_value double precision
);


--
-- Name: sql_span_cost_daily_rollups_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.sql_span_cost_daily_rollups ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.sql_span_cost_daily_rollups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: sql_trace_metric_daily_rollups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sql_trace_metric_daily_rollups (
    id bigint NOT NULL,
    experiment_id integer NOT NULL,
    rollup_day date NOT NULL,
    metric_name character varying(250) NOT NULL,
    grouping_set character varying(50) NOT NULL,
    trace_status character varying(50),
    sample_count bigint NOT NULL,
    sum_value double precision,
    min_value double precision,
    max_value double precision,
    p50_value double precision,
    p90_value double precision,
    p99_value double precision
);


--
-- Name: sql_trace_metric_daily_rollups_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.sql_trace_metric_daily_rollups ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.sql_trace_metric_daily_rollups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: sql_trace_rollup_rebuild_queue; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sql_trace_rollup_rebuild_queue (
    experiment_id integer NOT NULL,
    rollup_day date NOT NULL,
    rollup_family character varying(50) NOT NULL
);


--
-- Name: tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tags (
    key character varying(250) NOT NULL,
    value character varying(8000),
    run_uuid character varying(32) NOT NULL
);


--
-- Name: trace_info; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trace_info (
    request_id character varying(50) NOT NULL,
    experiment_id integer NOT NULL,
    timestamp_ms bigint NOT NULL,
    execution_time_ms bigint,
    status character varying(50) NOT NULL,
    client_request_id character varying(50),
    request_preview character varying(1000),
    response_preview character varying(1000),
    db_payload_generation integer DEFAULT 0 NOT NULL,
    trace_name character varying(4096),
    session_id character varying(250),
    input_tokens bigint,
    output_tokens bigint,
    total_tokens bigint,
    cache_read_input_tokens bigint,
    cache_creation_input_tokens bigint,
    cache_creation_input_tokens_above_1hr bigint,
    input_cost double precision,
    output_cost double precision,
    total_cost double precision
);


--
-- Name: trace_metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trace_metrics (
    request_id character varying(50) NOT NULL,
    key character varying(250) NOT NULL,
    value double precision
);


--
-- Name: trace_request_metadata; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trace_request_metadata (
    key character varying(250) NOT NULL,
    value character varying(8000),
    request_id character varying(50) NOT NULL
);


--
-- Name: trace_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trace_tags (
    key character varying(250) NOT NULL,
    value character varying(8000),
    request_id character varying(50) NOT NULL
);


--
-- Name: user_role_assignments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_role_assignments (
    id integer NOT NULL,
    user_id integer NOT NULL,
    role_id integer NOT NULL
);


--
-- Name: user_role_assignments_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.user_role_assignments_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: user_role_assignments_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.user_role_assignments_id_seq OWNED BY public.user_role_assignments.id;


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id integer NOT NULL,
    username character varying(255),
    password_hash character varying(255),
    is_admin boolean
);


--
-- Name: users_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.users_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: users_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;


--
-- Name: webhook_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.webhook_events (
    webhook_id character varying(256) NOT NULL,
    entity character varying(50) NOT NULL,
    action character varying(50) NOT NULL
);


--
-- Name: webhooks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.webhooks (
    webhook_id character varying(256) NOT NULL,
    name character varying(256) NOT NULL,
    description character varying(1000),
    url character varying(500) NOT NULL,
    status character varying(20) DEFAULT 'ACTIVE'::character varying NOT NULL,
    secret character varying(1000),
    creation_timestamp bigint,
    last_updated_timestamp bigint,
    deleted_timestamp bigint,
    workspace character varying(63) DEFAULT 'default'::character varying NOT NULL
);


--
-- Name: workspace_permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workspace_permissions (
    workspace character varying(63) NOT NULL,
    user_id integer NOT NULL,
    permission character varying(32) NOT NULL
);


--
-- Name: workspaces; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workspaces (
    name character varying(63) NOT NULL,
    description text,
    default_artifact_root text,
    trace_archival_location text,
    trace_archival_retention character varying(32)
);


--
-- Name: experiment_permissions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiment_permissions ALTER COLUMN id SET DEFAULT nextval('public.experiment_permissions_id_seq'::regclass);


--
-- Name: experiments experiment_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiments ALTER COLUMN experiment_id SET DEFAULT nextval('public.experiments_experiment_id_seq'::regclass);


--
-- Name: gateway_endpoint_permissions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_endpoint_permissions ALTER COLUMN id SET DEFAULT nextval('public.gateway_endpoint_permissions_id_seq'::regclass);


--
-- Name: gateway_model_definition_permissions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_model_definition_permissions ALTER COLUMN id SET DEFAULT nextval('public.gateway_model_definition_permissions_id_seq'::regclass);


--
-- Name: gateway_secret_permissions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_secret_permissions ALTER COLUMN id SET DEFAULT nextval('public.gateway_secret_permissions_id_seq'::regclass);


--
-- Name: prokube_audit_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_audit_events ALTER COLUMN id SET DEFAULT nextval('public.prokube_audit_events_id_seq'::regclass);


--
-- Name: prokube_team_rules id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_team_rules ALTER COLUMN id SET DEFAULT nextval('public.prokube_team_rules_id_seq'::regclass);


--
-- Name: prokube_teams id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_teams ALTER COLUMN id SET DEFAULT nextval('public.prokube_teams_id_seq'::regclass);


--
-- Name: registered_model_permissions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_permissions ALTER COLUMN id SET DEFAULT nextval('public.registered_model_permissions_id_seq'::regclass);


--
-- Name: role_permissions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.role_permissions ALTER COLUMN id SET DEFAULT nextval('public.role_permissions_id_seq'::regclass);


--
-- Name: roles id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.roles ALTER COLUMN id SET DEFAULT nextval('public.roles_id_seq'::regclass);


--
-- Name: scorer_permissions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorer_permissions ALTER COLUMN id SET DEFAULT nextval('public.scorer_permissions_id_seq'::regclass);


--
-- Name: user_role_assignments id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_role_assignments ALTER COLUMN id SET DEFAULT nextval('public.user_role_assignments_id_seq'::regclass);


--
-- Name: users id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('dc11669786a5');


--
-- Data for Name: alembic_version_auth; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version_auth VALUES ('f1a2b3c4d5e6');


--
-- Data for Name: alembic_version_prokube_auth; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version_prokube_auth VALUES ('0010');


--
-- Data for Name: assessments; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: budget_policies; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: datasets; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: endpoint_bindings; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: endpoint_model_mappings; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: endpoint_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: endpoints; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: entity_associations; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: evaluation_dataset_records; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: evaluation_dataset_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: evaluation_datasets; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: experiment_permissions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: experiment_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: experiments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.experiments VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 1795673560670, 1795673560670, 'default');
INSERT INTO public.experiments VALUES (1, 'private', 'mlflow-artifacts:/1', 'active', 1795673574216, 1795673574216, 'default');
INSERT INTO public.experiments VALUES (2, 'shared', 'mlflow-artifacts:/2', 'active', 1795673574345, 1795673574345, 'default');
INSERT INTO public.experiments VALUES (3, 'closed', 'mlflow-artifacts:/3', 'active', 1795673574419, 1795673574419, 'default');
INSERT INTO public.experiments VALUES (4, 'shared-by-rule', 'mlflow-artifacts:/4', 'active', 1795673574916, 1795673574916, 'default');


--
-- Data for Name: gateway_endpoint_permissions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: gateway_model_definition_permissions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: gateway_secret_permissions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: guardrail_configs; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: guardrails; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: input_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: inputs; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: issues; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: job_locks; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: jobs; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: label_schemas; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: latest_metrics; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: logged_model_metrics; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: logged_model_params; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: logged_model_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: logged_models; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mcp_access_endpoints; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mcp_server_aliases; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mcp_server_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mcp_server_version_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mcp_server_versions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mcp_servers; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: metrics; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: model_definitions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: model_version_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: model_versions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: online_scoring_configs; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: params; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: prokube_audit_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_audit_events VALUES (1, 1795673573, 'alice@example.com', 'login', '', '127.0.0.1', '{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO public.prokube_audit_events VALUES (2, 1795673573, 'alice@example.com', 'token.create', 'MxQqorfgLvzx', '127.0.0.1', '{"expires_at": 1796278373, "user": "alice@example.com", "user_id": 1}');
INSERT INTO public.prokube_audit_events VALUES (3, 1795673573, 'bob@example.com', 'login', '', '127.0.0.1', '{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO public.prokube_audit_events VALUES (4, 1795673573, 'bob@example.com', 'token.create', 'hm6vcVolVRAV', '127.0.0.1', '{"expires_at": 1796278373, "user": "bob@example.com", "user_id": 2}');
INSERT INTO public.prokube_audit_events VALUES (5, 1795673574, 'admin@example.com', 'login', '', '127.0.0.1', '{"admin_by": "groups:/prokube-admins", "admitted_by": "groups:/prokube-users"}');
INSERT INTO public.prokube_audit_events VALUES (6, 1795673574, 'alice@example.com', 'role.create', '__user_1__', '127.0.0.1', '{"user": "alice@example.com", "user_id": 1, "workspace": "default"}');
INSERT INTO public.prokube_audit_events VALUES (7, 1795673574, 'alice@example.com', 'member.create', '__user_1__', '127.0.0.1', '{"user": "alice@example.com", "user_id": 1}');
INSERT INTO public.prokube_audit_events VALUES (8, 1795673574, 'alice@example.com', 'grant.create', 'experiment:1', '127.0.0.1', '{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO public.prokube_audit_events VALUES (9, 1795673574, 'alice@example.com', 'grant.create', 'experiment:2', '127.0.0.1', '{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO public.prokube_audit_events VALUES (10, 1795673574, 'alice@example.com', 'grant.create', 'experiment:3', '127.0.0.1', '{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO public.prokube_audit_events VALUES (11, 1795673574, 'alice@example.com', 'grant.create', 'experiment:4', '127.0.0.1', '{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO public.prokube_audit_events VALUES (12, 1795673575, 'alice@example.com', 'grant.create', 'registered_model:model', '127.0.0.1', '{"permission": "MANAGE", "role": "__user_1__", "user": "alice@example.com", "user_id": 1, "was": null}');
INSERT INTO public.prokube_audit_events VALUES (13, 1795673575, 'alice@example.com', 'role.create', '__user_2__', '127.0.0.1', '{"user": "bob@example.com", "user_id": 2, "workspace": "default"}');
INSERT INTO public.prokube_audit_events VALUES (14, 1795673575, 'alice@example.com', 'member.create', '__user_2__', '127.0.0.1', '{"user": "bob@example.com", "user_id": 2}');
INSERT INTO public.prokube_audit_events VALUES (15, 1795673575, 'alice@example.com', 'grant.create', 'experiment:2', '127.0.0.1', '{"permission": "EDIT", "role": "__user_2__", "user": "bob@example.com", "user_id": 2, "was": null}');
INSERT INTO public.prokube_audit_events VALUES (16, 1795673575, 'alice@example.com', 'grant.create', 'registered_model:model', '127.0.0.1', '{"permission": "READ", "role": "__user_2__", "user": "bob@example.com", "user_id": 2, "was": null}');
INSERT INTO public.prokube_audit_events VALUES (17, 1795673575, 'admin@example.com', 'team.create', 'reviewers', '127.0.0.1', '{}');
INSERT INTO public.prokube_audit_events VALUES (18, 1795673575, 'admin@example.com', 'team.join', 'reviewers', '127.0.0.1', '{"user": "bob@example.com", "user_id": 2}');
INSERT INTO public.prokube_audit_events VALUES (19, 1795673575, 'admin@example.com', 'rule.create', 'reviewers', '127.0.0.1', '{"kind": "experiment", "permission": "READ", "prefix": "shared-"}');
INSERT INTO public.prokube_audit_events VALUES (20, 1795673575, 'alice@example.com', 'login', '', '127.0.0.1', '{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO public.prokube_audit_events VALUES (21, 1795673575, 'alice@example.com', 'token.replace', '8KAk8NrEWjAh', '127.0.0.1', '{"expires_at": 1827209575, "user": "alice@example.com", "user_id": 1}');
INSERT INTO public.prokube_audit_events VALUES (22, 1795673575, 'bob@example.com', 'login', '', '127.0.0.1', '{"admin_by": null, "admitted_by": "groups:/prokube-users"}');
INSERT INTO public.prokube_audit_events VALUES (23, 1795673575, 'bob@example.com', 'token.replace', 'otGapT7UISWk', '127.0.0.1', '{"expires_at": 1827209575, "user": "bob@example.com", "user_id": 2}');


--
-- Data for Name: prokube_consents; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: prokube_counted_versions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: prokube_identities; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_identities VALUES (3, 'http://127.0.0.1:43681', 'demo-admin', 'Ada Admin', 'groups:/prokube-users', 'groups:/prokube-admins', false, 1795673574, 1795673574, false, NULL, 0, false);
INSERT INTO public.prokube_identities VALUES (1, 'http://127.0.0.1:43681', 'demo-alice', 'Alice Example', 'groups:/prokube-users', NULL, false, 1795673575, 1795673575, false, NULL, 0, false);
INSERT INTO public.prokube_identities VALUES (2, 'http://127.0.0.1:43681', 'demo-bob', 'Bob Example', 'groups:/prokube-users', NULL, false, 1795673575, 1795673575, false, NULL, 0, false);


--
-- Data for Name: prokube_local_admins; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: prokube_logout_tokens; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: prokube_resource_names; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_resource_names VALUES ('experiment', 'private', 1, 1795673574084, false, NULL, '6G1jbSYLEovOhyk-', true);
INSERT INTO public.prokube_resource_names VALUES ('experiment', 'shared', 1, 1795673574336, false, NULL, 'n5zr7ih_fOvjj_9U', true);
INSERT INTO public.prokube_resource_names VALUES ('experiment', 'closed', 1, 1795673574415, false, NULL, '0X0IH41YRdiqFcZI', true);
INSERT INTO public.prokube_resource_names VALUES ('experiment', 'shared-by-rule', 1, 1795673574910, false, NULL, 'DWoE8g9SiFnAH2i1', true);
INSERT INTO public.prokube_resource_names VALUES ('registered_model', 'model', 1, 1795673575030, false, NULL, 'dDztacw7gQbh1Me5', true);


--
-- Data for Name: prokube_role_versions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_role_versions VALUES (1, 5);
INSERT INTO public.prokube_role_versions VALUES (2, 2);
INSERT INTO public.prokube_role_versions VALUES (4, 1);


--
-- Data for Name: prokube_sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_sessions VALUES ('fz-S7rzKV87hgX04G-DIrA', 'a4cc34a58a4277e223b096e022496945cda114697bcff6b5e1dcccb88b79afc0', 1, '{}', 1795673573, 1795673573, 1796278373, 'kRTEECRc_jYZepSfBAI7PA', 'gAAAAABrB83lxROukJxVj6YqnA4IkvAsxgWYpRJVWBvPUo5gbTz7fO25l3d5QpPX4zHdEMYoN5erO5d1rAUwvkHU9sWm8j8WdHBYmnaIkhdtts1B7sZsQfnOmKIT5YwNZT-GhfY2KyGSAEFrpv9xeqq2_45vloeYS-vLaXzUp3k_SS13UhFk5Kwfl23F3iOGHx1dq-LTHWg1GiJaM9eZxfe-mqLButLaIJzmB9vcyCBpSd3PpdrMuo99qbIRO5FTCkWD9BUaDgo7nT1_ckvejSIDm6QDsTyZTZpbOsVcMMDZZ3ISMBHYI9Gin55aBm824FvFtz3Pv4tBu7iN55fkrRHeAg4VB62kbwA-CqhQb0z9tXTD3UaBiuzGwRiiY6TgSoePlHubRaXgxjYaNpjQh--4HI-TBzGnDi-dvmqSDhSdcmOjDQoDHzeGkkJZ7ukieAHoukp5Q9Sl69NkNt_XUgQSvqZ9QrtTBfNbHMddFp_4Pbw36MuuokdhLGXXYw0mfsV3uUR5-0Nv3gc0NU3vf-CLue7n--ZURggmbCPakdUU6sRKxBiy0BgVpndtjm8XFBChuRE9-aA4kwHJG_HNwUQyt-j4SV_ie9ywsePkyldGxL4-ZbgCdR6mZxFwOrUAIGUoxqk334m9__IUCUKFaqwBLrWxls15ts9fnVO6G8E6WHCySKC8DXPiAY7IcK1u2IPhJqch2_tCEMOdufuV2TE2dd1m_sCbY2LaE8adEO96oGuycGFDHRdUalo51eXeYD3pJ-8-8VPgBNxYnS-anEDdkchRuEorvOyTD9PPLhkUngIdKNSpoUCvhyxICkSlGlF8I7kfGkWqkJhFahGxLrkwDiO7Vb-oh4p7Cscfn9tUyXO4huvlaq1btv_f9DB7b6YDBu5CkVYotCHH-shy9_80jQoacOc65Q6BCI48IslXt-RK7G4owULHxecthPKeCjz-2z5z_Eq4poJryeesjYEQJn9G83WWv9EiTtZPAEzaPwq9mi_8dXVhk0Ij25JvK2pnfBFurofHxMM6gVubsfuO2oa1Cmpi9DzITPbHBOaY_Al4DGPWZ-upJa5gn6mTl30R4UU8xApWhodFezhhMB5x7iGF78AIbhpbEyMp8adREAUAvXPgP7mdHmL87dYKuFsnJjHZJquYDAe6WoMfO_yBcURVYxt9mr8go21ne8azsm83kMQFEn74hmf2RL1-h6kzL8IntWlskVhe1_BAtasmeKSE54BpMtJmgasDvlx404sEKCQCJ3A2OixXtB63jzFoiGfTm6SbXuUAxOaBqJ1P74mMPHiFtlokDU7gZINfBGCZJMVuWOuIUtcRHEpZ3j6zfjlwk2GJv45Zb-QMs1znD5Oai14DRaJraieMAjxrHM86PJWwyq6Yxg-Q5CvEOIFzauKmFMiK_4tXrZCFTscHEWpb0mLGicjPmwp7tctXrMH9r2P2K6iGiheva6q4fkE902rpuhCK--aPSS2SHgUxwCMk8I-PFNMLnWDeiH2zq2_H-lSMC_2GvTyv3Bn5iTYUrh-MzQOO0eNL4jGhtpT_5VP0GcQgFXm1mDRxAbXyi6b7Blg6IMd5avhEgbg-VfWhf3w30E4VfEvQA6XQuaJ6kn6AAX9VwA==', 1795673573, NULL);
INSERT INTO public.prokube_sessions VALUES ('P8CE01dMd5fRei43LF51zA', 'c51e37fda9f2045bcb9a5e705ae1b27353fe875e010b935d899970e15ab08016', 2, '{}', 1795673573, 1795673573, 1796278373, '_AKe_Q8xrFOB9yiQIqu1NA', 'gAAAAABrB83lL-NrnvJ3wLLxNeMU_cbh1w4FtWRGCvCRLCVuTRPgcU4Z5Ih1W7Ak7lRDcweFf4yo1bToxKx1-I4gqDE0jr2ZlEeuHJyZtunG7u2qMb6a6L_brc9ekTjwq_wXXH84rDSyDsdEdxiA3fBxWZOQX94cLxdj5sHjdecFEj0wsOyoB45o1VVSVD5TK1SZahV6nQNwP9YQ1S5gQf3qFuKMBsmjw-45BtLnoTiBpDYwhyTvbppaL1YVT92natwyqoZxFkyKLpJofx4tWPYoIQi4-zdbyPgfEKKA7xKfYs8uBziCvXktkadTpYBOyooKOf_bmKV2iw_Do-2zvxkybKOCdjOEo4D7mjj_K2rsTyJMNRWuwJwXtWX5nDdmfWfEk2iYlrGTrFFKj6SBWGcDmdr9gtk_ROW0E3cVgtUfjrIeVdDXPeUMZZDs_4rnc3YqDZFQyYPBxBx37TQVK948DpgEbKi4EA7ySQq2yYg5POuFFMzlbr0FP7M9LaApNqaIm03fizdSXoP1VZLaWRoIj-yPTOFnPUi0YnB14Suzy1YDzOpHqT0Z1RkAOfRCQAHIVc0gZIYXgtKxDNmbaIKS9-y9AscsyuI1DcirIfv9MR744Up_PZJDRZuayvzxYG_n_1we3wqIQSLS0R53nDIlTV67VexfOic7t4tySrTCZBt3ldBs6-JODHqWtCPATLyfm9q07pvLROgmZzlsyI9xZ3bu3pjyux6L-Ya_S8ujF-a-iH85x-Llu4U1X4HPatZMXUat5ODle02Qx8bGhIz-8ABf-FlhR0KQbPOAGeD6FjGv-iDVis5r0frXDp_3Lxcu9E1YNPZ5BFoUj8zN141O4hUJSgyXeuWvNwmakVfKE8L10Sea7kxTTXNBtWF-EtBBPE-LVmAZ53pk3G-eGxAdtVawuve1HbTc0CoRqJ-ABwo-xioJMWz0I4Ehr8j2rKbGqUCe0JDFAFKFnxezC13cYKQbe8Fj9FXNRcHyfmOq6owfL7U5qG9ihyBv7pLd_ePmqS99m3qNKvrjPFIyI4NqdYQEfycCHxzIFC_RyeHyMocVE9aQ_tSinUyRsp6iuJUWjIt_9x0fViDeDsA7OdX3e9cCWDn3o-aJwVUJmvG5M2OE7kAkkqV5id5A0jVg7Ze688a2zKbFsFuqrkqvbmFEb6FrL5SynPEDhd7likCHD806UUhigyPlzl78fNGprVgwPcYguISScb8uXXQH6FhzPQ-Ufv759_ULBVH8atpyKalI_MXwhjuMgursDwoBmhPThw1cF4AdhsWOfa3YQE-G_0UdX15tO75qrLfAS8p4RYciJqMTXH1ZhFvRj6SMGGFLsGvBGABZz5YbiYuF-IcKWGLGG7YBhJBnbRUbHrD9_oenFWrW1b_8u-hswUULVnyuOkvvNrchgiVigtEdy6vewTEBE3xpCyL5kr3WoKFndV_6ZT06kkn1WYNywo2J6w-NzBqH_eoGlop--rveJgZ67oQi0NImYPgXJeiQUUI0XAI6EraNduKO2KEfSrIMRqxE93nhr0DNRyQEt9CTIEsg8STv0Eufn6Nl120qYEvEPD9cY2jUxnLBYM5F61qgzEA36IpNuWJQ', 1795673573, NULL);
INSERT INTO public.prokube_sessions VALUES ('aLhi2720YRyulKUuMSpmmw', 'e6806f9415e4529055b52b99d7ed2d281aed0cdd126ad47b0011f293d628f291', 3, '{}', 1795673574, 1795673574, 1796278374, '3TGxWRE5OWN9Zwb81UZF9A', 'gAAAAABrB83mHoq2r7wjmDqBLm146kcLh3uSCsPmY94DmwHAGU2NRCTdXe_6GHxwsyYN1Ryo8Jao6CCterMazl1ZSepH_ytdpnI0E_VYI-ekY8bFWupcneut7c5iECgyVkJaqB1RAdX1EdsV-IzWHaoXRkdrJN_lWbY0-yf7oNnhx4bjdlvPqBwIRnxzrnY4LCkU42UTXpiBVFGVJzuOOdca6BxSbSjxBvSrUrHlBwdBWTC10DbkHvC_l2i17DAJmxO4hC9pLxYeWxlPIeDpsmNCg44ud97ZdErPV836i8f0f9mVF4Ly98oPXaTzZzKPQfw9LjKebaDREQPKt2Olm5ChQpnXzg4e06qCpi5HcBXgP9SqtXcQuDLYU_lNwBuV9ZiCoeefBgh1Bu0GxdLnapWDWJZ8AR_E59lQ4XflUnKhJNH9_eYT1NO0L7RSGLlFTtWtWZBCE8AH68260OkqCDPiadSBVVwZwU49QQEY9kW72-CX5pZGkhrihBfUii3Z9xOrfeCP6pRWNUBHdmbNY81JLcxveW7AdfuYODNcrXpZRWLCuXRH4kO2cryj9E8Ir4YTl6rPcnkNkWzMs872IvimDNlFU3VY8s8Ir-Yw1ZZaRujxI8S3lAX8qNk9wnM5voOIC_oKCeteRsPEv2VwY1hwMUGWpTefcYw2zxdUQPejtuqzM8Ls9gBnlm7T75lk04959Sae4co7r9EgLDasEDIOWGGRvSJZUuLHsNRv1BNDLNoWiX3DTic30r65iWPXE1ZbPqrMBrT9bVrMx9JyclWA8sV42D6XDOycJs16w-lq7yW5-j2vJxJVKbdnnWEOp7Q8vQTB4AywV1UUkUYJWvfKvrJpz9Ak8AN25cxoL30c-BYA2nIVWSQ6G1qFPJVxKz_M6m77bdyq7AFuKZ4kPrVwuydsoCd5FxJP7wG5qbB9snMkMvmKippqSs-W0U8f1njEN3j1elcBiMMGtu7jULGMinwbsZYV6GCVeUfCHlMs9ltffmfDZYMioMXuEVmeGAhPxcwYK057P_WbgeuapnquJvaCgmA9ZwMFzA2_4RNtUVdmZ3I2kV0D7HQvma0YvnYpnG48oEqqS5WY2wymgq6_om03gFjGEqF4prjz0AtcCr_24SPLd68OemDPmPPsUSDPare1DfdwHXfbJy5iumaZCKl_511WNSuOUnJRnJ5HIYiYAAGc3Xy0VP5WnhjfvFSe6QcoKH9UaDWCOoBZbJtY5On2yTWx370iBqyG7EeDpg1zKUjt0S_zj9C8Yh23HJmrvkzsIQ8xWP2gNGBVCJeknYTEtxh1GcjYHc24S3eIChsCOJCt7Waw__axyPDvroldKJIyONu5Jwpgl0W1faBL7G6e7kncvxxvkn3G3RmiMf7Lf7Pb24vTKsz7bfrs5vsn_Cw6aIomYQ6Q2n_3Dhl88c7nt1HktvdbsO3ixG6DAj8h8igqMGaRVwVk3XY165aqw_YRV0kYQIf5XPG60UNxmu97iiZyZnTjKiEdCgDQzhgPGBsap92jBInmlXySdWNZ9BvpesOxgqQ1Tnb6R88YW7KDlwRC9JUTd92kKccSxZdfRMUaBlNtCP-_DVeYiuKOUfIN68JAr_4Z67xfPJ_JSaUxqb2eM8F1zgHNivatYe8YAEwAQJg=', 1795673574, NULL);
INSERT INTO public.prokube_sessions VALUES ('IKP0ihbiMwEcAq2ozxR8Cg', 'ce7189aa571cca1b696e4158d0898e0e4c8bd7d39c932d405cdff0318874ef4d', 1, '{}', 1795673575, 1795673575, 1796278375, 'DVBTh1Ll2WFrTVIDZsCdHg', 'gAAAAABrB83n_8jR1VWqcabWOcLHVamvvVk1JP5P-9Kx1PdAW1qvkufCf5-o5S8DOWgtoIr65SLNdY2LPFLfBZHp-jWdSJAyTN2mKCCK6vXLXiKzk-Iv02OQ3tLe069gMvGWaANgjqT91oYjuy7o8xHugaJdRK5logKsdWWhjkIN5LhDW2h3CRvM6dh43zOO9CPS2X_lwjU8_hRyo60eclTYU2UNNZMQvOYiEjSDmI-FvU_6IzEGiSlBUz7alV8Rr2nGchuILh_BqR1ZKjOV0fEBFbdD-OP1d-jABDrr6VyVTv3hsIAXykkTWGCNjIa3Z_oOl45gvjjDYjfUCOaDqXSLov50gt3QwEfWDhEGLyF-LbbYFcu-Hi-7zRc16im6LUgVfEXsYoLV3_TeY_n2XT8bKdzrZ_inyB03fTmNUhqhRsaXV6s5dgK2QbUh2mcfpBRxSeSYyWPS8mmvbgJ5enNjNg2_P6a35Th4cHVuvBmFnIo9paBuXklAK8YoGEdcd8fBWHXinC1DQO8wTjUzxyeSw3i-OJlCuZcz7BVuslDMvxSSWDk_Dd2qbk0t55M3RR90JM9XakD6UAE5AdbCdJNs9wgls3J4eRuBpv0RSI8NyGvsyfG72S6DFclhm1Cq0sJnel_w8rZtLVubhj4PqvkxXf6uXlo065tv-kZxZWiruW3v3or45w1hBDDDnSRUE5Uu4ren-aebhJopBwGF1T6FbTP8CkRTH25fK4dyfuQlYmuYOs4mMnra3_vJH24WJ2EPRUUS9uwYcxGwbxQWcy35R1QHUu7JhCmfGNWlerRzsnsrLqUpg34uVTSmFcNPolIXO6W-CT9Y_o6-TuBIU7jp1r9TWL857vNYeK5SQfXhqqzjqBm6jBu4eVwRKlHESuCeqvHAdwDVQv9IvR1y83rAQ5xNw77--Hdm6JaokIr0yvKmgIh_936PThzEUo9_VK_FgIuV4aKAm-7zxqUynxA7NZPIw45rmDEp_HQuQ_WPHZ7e99Pe9Ksq8w7k_oUzRt_b2Tjx7zrlY3AMZfL4YHXrqx7yppRznpTcDv9tVPQ0Muo4I6nPPnethtkdfGK5OP_ksAFKYcQoabcbYevPbFMMu7SFtyQXLcU3VJI_bNbE07BpkDeZqdiV9W0T3tq4VeMzEopxi1JpBE0velNM7SEEtAUniKczu3GKtHO_sxD8kGNj2Nq0ZIOvI7w6T335XkhgnGORu3_bPyBUm0kZW90VXUgWgYTPlUkLHpOX2jltyxOHPe6Lh2u21KQQCoo7Y7Z75_DmZqt8oVgW_RhG0fbYgk8pX4tu_iXlOGsfEgPxNYSwEdugHNbjU9y6N1rqz6QsgTVO2VVw34AcFSS5RzXt_LLs8-kLftxCpdjyvUneL5yXfVfimZnkRWMNZMOeQjt4gj0wMEXRzMcF-WsqO9tUt8WDnhsD_VbbVqNEN13_h8h-lBNl-bcacuQ1rexFuz1ew3t8qScj6yELT9i3263nrySGInkCnLyfk2YPyTgUvMfKBISQtzKUgBeSDRxn3Jp9ls6Su8eVq79fV0kloqOceINR1kx6r5k37tApKucL76NH7lJtpgkby62Lh6Q5UDWu8qz5gb0efr4M1Agsdua0459pD3WVLA==', 1795673575, NULL);
INSERT INTO public.prokube_sessions VALUES ('TwU3oIlu0ubfdDodczJTCg', '9b6afa744b211ccc6545aab14f624e2a2552b7f013e3c1f0834cafc058f0de88', 2, '{}', 1795673575, 1795673575, 1796278375, 'uga3Gz2vtHpLWiC_784Dpw', 'gAAAAABrB83ndjYoRX4WClEmEhnK0QuA-n8e-Z_GUskCzYfevkS9A2SXvAtrmJS_9fP4fo1MnGr7J0qLrDrsShObCA4C_xDi8LGFJIAtFglbm3HQpt-jvDc60C9aSNV_zBGIDjewDYzv0ZnlEfdmMyvdZD8K76d-4wToTH7Uu7UpzGwlw7_ZSM2h3T6O46Vke97Z2sO5852vh1ij_ZYjdoGkD8G3Yt412AuuTs5RiI0D3Ojx1po78SL2fXiezOuRzRCqKIpNIhRnNDe-aUvfays7ADB26x474tfrwGH3v4J51qSrMzGf_TRc8dJ1RmDmI4md8R691hD2TD_5w5WDIGaIDk7OYpCQDEwMId7VmygF8uKtmCrUAXuJNXD3y7tvyqodd32sRFSnea-pH1s5_oP-B0_pXWY-YEalxVT3AGeoDMYw-vEpWmtbLIg9Z3uFSxy8D6WktpjSr9pIgbtoMhajNz7Z_S501ScI1qJVQXgv6H3Og6idbVWcFRG03Ws3tq6GqRfjNJ4NNb1ssn3GUYp9tr3J4E9IyaoYuQwnxIqGsYC20zb8CNupPNZmlXGnZ95-UD1pao_hvRkOWdFbxi4b4xO3JQzJZkV3Ks2j8MDOmQBrH5lwJs13DEF-ZMyiLNOvTSPN4T1Pd_TITK38v_KD71fR2SBN9t_1D5GwbxSMeXKDQVbaoOnVitHlgw1N7_N3hmZhA9nUaVk9AK_uGO7NIQzllEOoIkoQxMUOsO9W8AhotBNA9jhi_Cq2i6dMCERXbSMhkDFaVKmIGOOOT1XlowSzCsd61_KsSfgxQO89jOcStc0E3QP1zJUwLm_cfH-2p7lUFRD5zXZVzq0L2cB5Mba_ybEW0O2N5MKOk_3WB4yDBtt8TiwER_NO0toeXA_o6YAAaiYqAZNqmedpQYCQB5gVfNEI0KBkHuGZNTwwXa4yGoyztvN2ur6n8CYG7tHKiKUKCZB3vy4a8n8iafmVuSVDk8tKyaCRbgnS9U95RT47M7tirhPJ47CXFbJKhG2ICJeSHP7rDc4n0jvL4VLCJT0Zk3E4zVAppvMv8Sy0ZImTEH6ryaI07GknmDF66oohHyxX8mdp1gbLcaKjWdZspAkV5HncfX2G70HRUqNr3xZ4wXfBpCdP6zta1TdycaomWBNNyXb2iWNFx09QX49yAP1qfq8b7YxyQjZRbDOfvHKNBW5Qw88lPEzm8sXesHDHYNNznTYaqvDbqV2A-AznHhSqMSXBCsXfUpuZQwc6mCb9Ai9MVfmw-d3mIr2CSjnWGzJ0vVplRh5tQaQBskWckwmhfonakOpS3VnIPDBny4qxa20CUA5O-xkHoWke1FWgEfbETyyOwf-4_7s9tOoxlYZYzCX6Fe4QlsmLA1kSg34ONWSzE5SLsxalMTD2hfih7RunFEOBJFTPXYrBDU5rzbRqP2dZSiKo7BcuF7jxVfONt8Rjel316jyXt7K4zc56y5NzO08nB12zGGhRqU-C4VyStYjz3gcX4Wco8fXFsBqsf5ErbdzDwUhBG4HOl12cE1u99aDqts0TA_hYq0rRVuJE3RivKT41spXfu3lDEtMs4bMhFwoqeqWkGiJYolzdiIUP3SRE', 1795673575, NULL);


--
-- Data for Name: prokube_team_roles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_team_roles VALUES (3, 1, 0, 'default');
INSERT INTO public.prokube_team_roles VALUES (4, 1, 1, 'default');


--
-- Data for Name: prokube_team_rules; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_team_rules VALUES (1, 1, 'experiment', 'shared-', 'READ');


--
-- Data for Name: prokube_teams; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_teams VALUES (1, 'reviewers', false, 1795673575);


--
-- Data for Name: prokube_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_tokens VALUES ('MxQqorfgLvzx', 1, NULL, '17d4e6a7ae617187086e840a8a16c2abad4255ee78791652c5db8ef3f18b51c9', 1795673573, 1796278373, 1795673575, 'replaced', 1795673574, '127.0.0.1');
INSERT INTO public.prokube_tokens VALUES ('8KAk8NrEWjAh', 1, 1, '211a9c03af7b7cea0a10327ce644e81ec8a4ea5ac4dc27a622a27e36bfbf5ce2', 1795673575, 1827209575, NULL, NULL, NULL, NULL);
INSERT INTO public.prokube_tokens VALUES ('hm6vcVolVRAV', 2, NULL, '12be5a294a8bd516a55def13f047259ddd440b3348812ca6ce021be177310999', 1795673573, 1796278373, 1795673575, 'replaced', NULL, NULL);
INSERT INTO public.prokube_tokens VALUES ('otGapT7UISWk', 2, 2, '6e9fcefc600cbd2fa31c1fa7e83545f768136d54a36daa1dc671f4de828ed881', 1795673575, 1827209575, NULL, NULL, NULL, NULL);


--
-- Data for Name: prokube_user_names; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.prokube_user_names VALUES ('alice@example.com', 1, NULL, NULL, NULL);
INSERT INTO public.prokube_user_names VALUES ('bob@example.com', 2, NULL, NULL, NULL);
INSERT INTO public.prokube_user_names VALUES ('admin@example.com', 3, NULL, NULL, NULL);


--
-- Data for Name: registered_model_aliases; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: registered_model_permissions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: registered_model_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: registered_models; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.registered_models VALUES ('model', 1795673575104, 1795673575104, '', 'default');


--
-- Data for Name: review_queue_items; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: review_queue_label_schemas; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: review_queue_users; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: review_queues; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: role_permissions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.role_permissions VALUES (1, 1, 'experiment', '1', 'MANAGE');
INSERT INTO public.role_permissions VALUES (2, 1, 'experiment', '2', 'MANAGE');
INSERT INTO public.role_permissions VALUES (3, 1, 'experiment', '3', 'MANAGE');
INSERT INTO public.role_permissions VALUES (4, 1, 'experiment', '4', 'MANAGE');
INSERT INTO public.role_permissions VALUES (5, 1, 'registered_model', 'model', 'MANAGE');
INSERT INTO public.role_permissions VALUES (6, 2, 'experiment', '2', 'EDIT');
INSERT INTO public.role_permissions VALUES (7, 2, 'registered_model', 'model', 'READ');
INSERT INTO public.role_permissions VALUES (8, 4, 'experiment', '4', 'READ');


--
-- Data for Name: roles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.roles VALUES (1, '__user_1__', 'default', NULL);
INSERT INTO public.roles VALUES (2, '__user_2__', 'default', NULL);
INSERT INTO public.roles VALUES (3, 'reviewers', 'default', 'A team.');
INSERT INTO public.roles VALUES (4, 'reviewers: experiment shared-*', 'default', 'What is named shared-*; made by a rule of the team.');


--
-- Data for Name: runs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.runs VALUES ('d91de883496f4933988bbad679fc187f', 'intelligent-elk-30', 'UNKNOWN', '', '', '', 'RUNNING', 0, NULL, '', 'active', 'mlflow-artifacts:/1/d91de883496f4933988bbad679fc187f/artifacts', 1, NULL);


--
-- Data for Name: scheduler_leases; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: scorer_permissions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: scorer_versions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: scorers; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: secrets; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: span_metrics; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: spans; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: sql_assessment_daily_rollups; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: sql_span_cost_daily_rollups; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: sql_trace_metric_daily_rollups; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: sql_trace_rollup_rebuild_queue; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: tags; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tags VALUES ('mlflow.runName', 'intelligent-elk-30', 'd91de883496f4933988bbad679fc187f');


--
-- Data for Name: trace_info; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: trace_metrics; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: trace_request_metadata; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: trace_tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: user_role_assignments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.user_role_assignments VALUES (1, 1, 1);
INSERT INTO public.user_role_assignments VALUES (2, 2, 2);
INSERT INTO public.user_role_assignments VALUES (3, 2, 3);
INSERT INTO public.user_role_assignments VALUES (4, 2, 4);


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES (3, 'admin@example.com', '!', true);
INSERT INTO public.users VALUES (1, 'alice@example.com', '!', false);
INSERT INTO public.users VALUES (2, 'bob@example.com', '!', false);


--
-- Data for Name: webhook_events; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: webhooks; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: workspace_permissions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: workspaces; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.workspaces VALUES ('default', 'Default workspace for legacy resources', NULL, NULL, NULL);


--
-- Name: experiment_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.experiment_permissions_id_seq', 1, false);


--
-- Name: experiments_experiment_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.experiments_experiment_id_seq', 4, true);


--
-- Name: gateway_endpoint_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.gateway_endpoint_permissions_id_seq', 1, false);


--
-- Name: gateway_model_definition_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.gateway_model_definition_permissions_id_seq', 1, false);


--
-- Name: gateway_secret_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.gateway_secret_permissions_id_seq', 1, false);


--
-- Name: prokube_audit_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.prokube_audit_events_id_seq', 23, true);


--
-- Name: prokube_team_rules_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.prokube_team_rules_id_seq', 1, true);


--
-- Name: prokube_teams_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.prokube_teams_id_seq', 1, true);


--
-- Name: registered_model_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.registered_model_permissions_id_seq', 1, false);


--
-- Name: role_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.role_permissions_id_seq', 8, true);


--
-- Name: roles_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.roles_id_seq', 4, true);


--
-- Name: scorer_permissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.scorer_permissions_id_seq', 1, false);


--
-- Name: sql_assessment_daily_rollups_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.sql_assessment_daily_rollups_id_seq', 1, false);


--
-- Name: sql_span_cost_daily_rollups_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.sql_span_cost_daily_rollups_id_seq', 1, false);


--
-- Name: sql_trace_metric_daily_rollups_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.sql_trace_metric_daily_rollups_id_seq', 1, false);


--
-- Name: user_role_assignments_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.user_role_assignments_id_seq', 4, true);


--
-- Name: users_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.users_id_seq', 3, true);


--
-- Name: alembic_version_auth alembic_version_auth_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version_auth
    ADD CONSTRAINT alembic_version_auth_pkc PRIMARY KEY (version_num);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: alembic_version_prokube_auth alembic_version_prokube_auth_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version_prokube_auth
    ADD CONSTRAINT alembic_version_prokube_auth_pkc PRIMARY KEY (version_num);


--
-- Name: assessments assessments_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.assessments
    ADD CONSTRAINT assessments_pk PRIMARY KEY (assessment_id);


--
-- Name: budget_policies budget_policies_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.budget_policies
    ADD CONSTRAINT budget_policies_pk PRIMARY KEY (budget_policy_id);


--
-- Name: datasets dataset_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest);


--
-- Name: endpoint_bindings endpoint_bindings_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_bindings
    ADD CONSTRAINT endpoint_bindings_pk PRIMARY KEY (endpoint_id, resource_type, resource_id);


--
-- Name: endpoint_model_mappings endpoint_model_mappings_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_model_mappings
    ADD CONSTRAINT endpoint_model_mappings_pk PRIMARY KEY (mapping_id);


--
-- Name: endpoint_tags endpoint_tag_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_tags
    ADD CONSTRAINT endpoint_tag_pk PRIMARY KEY (key, endpoint_id);


--
-- Name: endpoints endpoints_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT endpoints_pk PRIMARY KEY (endpoint_id);


--
-- Name: entity_associations entity_associations_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.entity_associations
    ADD CONSTRAINT entity_associations_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id);


--
-- Name: evaluation_dataset_records evaluation_dataset_records_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.evaluation_dataset_records
    ADD CONSTRAINT evaluation_dataset_records_pk PRIMARY KEY (dataset_record_id);


--
-- Name: evaluation_dataset_tags evaluation_dataset_tags_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.evaluation_dataset_tags
    ADD CONSTRAINT evaluation_dataset_tags_pk PRIMARY KEY (dataset_id, key);


--
-- Name: evaluation_datasets evaluation_datasets_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.evaluation_datasets
    ADD CONSTRAINT evaluation_datasets_pk PRIMARY KEY (dataset_id);


--
-- Name: experiment_permissions experiment_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiment_permissions
    ADD CONSTRAINT experiment_permissions_pkey PRIMARY KEY (id);


--
-- Name: experiments experiment_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT experiment_pk PRIMARY KEY (experiment_id);


--
-- Name: experiment_tags experiment_tag_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiment_tags
    ADD CONSTRAINT experiment_tag_pk PRIMARY KEY (key, experiment_id);


--
-- Name: gateway_endpoint_permissions gateway_endpoint_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_endpoint_permissions
    ADD CONSTRAINT gateway_endpoint_permissions_pkey PRIMARY KEY (id);


--
-- Name: gateway_model_definition_permissions gateway_model_definition_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_model_definition_permissions
    ADD CONSTRAINT gateway_model_definition_permissions_pkey PRIMARY KEY (id);


--
-- Name: gateway_secret_permissions gateway_secret_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_secret_permissions
    ADD CONSTRAINT gateway_secret_permissions_pkey PRIMARY KEY (id);


--
-- Name: guardrail_configs guardrail_configs_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.guardrail_configs
    ADD CONSTRAINT guardrail_configs_pk PRIMARY KEY (endpoint_id, guardrail_id);


--
-- Name: guardrails guardrails_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.guardrails
    ADD CONSTRAINT guardrails_pk PRIMARY KEY (guardrail_id);


--
-- Name: input_tags input_tags_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.input_tags
    ADD CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name);


--
-- Name: inputs inputs_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.inputs
    ADD CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id);


--
-- Name: issues issues_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.issues
    ADD CONSTRAINT issues_pk PRIMARY KEY (issue_id);


--
-- Name: job_locks job_locks_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_locks
    ADD CONSTRAINT job_locks_pk PRIMARY KEY (lock_key);


--
-- Name: jobs jobs_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pk PRIMARY KEY (id);


--
-- Name: label_schemas label_schemas_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.label_schemas
    ADD CONSTRAINT label_schemas_pk PRIMARY KEY (schema_id);


--
-- Name: latest_metrics latest_metric_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.latest_metrics
    ADD CONSTRAINT latest_metric_pk PRIMARY KEY (key, run_uuid);


--
-- Name: logged_model_metrics logged_model_metrics_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_metrics
    ADD CONSTRAINT logged_model_metrics_pk PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, metric_step, run_id);


--
-- Name: logged_model_params logged_model_params_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_params
    ADD CONSTRAINT logged_model_params_pk PRIMARY KEY (model_id, param_key);


--
-- Name: logged_model_tags logged_model_tags_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_tags
    ADD CONSTRAINT logged_model_tags_pk PRIMARY KEY (model_id, tag_key);


--
-- Name: logged_models logged_models_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_models
    ADD CONSTRAINT logged_models_pk PRIMARY KEY (model_id);


--
-- Name: mcp_access_endpoints mcp_access_endpoints_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_access_endpoints
    ADD CONSTRAINT mcp_access_endpoints_pk PRIMARY KEY (id);


--
-- Name: mcp_server_aliases mcp_server_aliases_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_aliases
    ADD CONSTRAINT mcp_server_aliases_pk PRIMARY KEY (workspace, name, alias);


--
-- Name: mcp_server_tags mcp_server_tags_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_tags
    ADD CONSTRAINT mcp_server_tags_pk PRIMARY KEY (workspace, name, key);


--
-- Name: mcp_server_version_tags mcp_server_version_tags_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_version_tags
    ADD CONSTRAINT mcp_server_version_tags_pk PRIMARY KEY (workspace, name, version, key);


--
-- Name: mcp_server_versions mcp_server_versions_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_versions
    ADD CONSTRAINT mcp_server_versions_pk PRIMARY KEY (workspace, name, version);


--
-- Name: mcp_servers mcp_servers_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_servers
    ADD CONSTRAINT mcp_servers_pk PRIMARY KEY (workspace, name);


--
-- Name: metrics metric_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT metric_pk PRIMARY KEY (key, "timestamp", step, run_uuid, value, is_nan);


--
-- Name: model_definitions model_definitions_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_definitions
    ADD CONSTRAINT model_definitions_pk PRIMARY KEY (model_definition_id);


--
-- Name: model_versions model_version_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT model_version_pk PRIMARY KEY (workspace, name, version);


--
-- Name: model_version_tags model_version_tag_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_version_tags
    ADD CONSTRAINT model_version_tag_pk PRIMARY KEY (workspace, key, name, version);


--
-- Name: online_scoring_configs online_scoring_config_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.online_scoring_configs
    ADD CONSTRAINT online_scoring_config_pk PRIMARY KEY (online_scoring_config_id);


--
-- Name: params param_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.params
    ADD CONSTRAINT param_pk PRIMARY KEY (key, run_uuid);


--
-- Name: prokube_audit_events prokube_audit_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_audit_events
    ADD CONSTRAINT prokube_audit_events_pkey PRIMARY KEY (id);


--
-- Name: prokube_consents prokube_consents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_consents
    ADD CONSTRAINT prokube_consents_pkey PRIMARY KEY (code_digest);


--
-- Name: prokube_counted_versions prokube_counted_versions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_counted_versions
    ADD CONSTRAINT prokube_counted_versions_pkey PRIMARY KEY (digest, user_id);


--
-- Name: prokube_identities prokube_identities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_identities
    ADD CONSTRAINT prokube_identities_pkey PRIMARY KEY (user_id);


--
-- Name: prokube_local_admins prokube_local_admins_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_local_admins
    ADD CONSTRAINT prokube_local_admins_pkey PRIMARY KEY (user_id);


--
-- Name: prokube_logout_tokens prokube_logout_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_logout_tokens
    ADD CONSTRAINT prokube_logout_tokens_pkey PRIMARY KEY (jti);


--
-- Name: prokube_resource_names prokube_resource_names_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_resource_names
    ADD CONSTRAINT prokube_resource_names_pkey PRIMARY KEY (kind, name);


--
-- Name: prokube_role_versions prokube_role_versions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_role_versions
    ADD CONSTRAINT prokube_role_versions_pkey PRIMARY KEY (role_id);


--
-- Name: prokube_sessions prokube_sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_sessions
    ADD CONSTRAINT prokube_sessions_pkey PRIMARY KEY (id);


--
-- Name: prokube_team_roles prokube_team_roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_team_roles
    ADD CONSTRAINT prokube_team_roles_pkey PRIMARY KEY (role_id);


--
-- Name: prokube_team_rules prokube_team_rules_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_team_rules
    ADD CONSTRAINT prokube_team_rules_pkey PRIMARY KEY (id);


--
-- Name: prokube_teams prokube_teams_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_teams
    ADD CONSTRAINT prokube_teams_name_key UNIQUE (name);


--
-- Name: prokube_teams prokube_teams_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_teams
    ADD CONSTRAINT prokube_teams_pkey PRIMARY KEY (id);


--
-- Name: prokube_tokens prokube_tokens_active_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_tokens
    ADD CONSTRAINT prokube_tokens_active_user_id_key UNIQUE (active_user_id);


--
-- Name: prokube_tokens prokube_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_tokens
    ADD CONSTRAINT prokube_tokens_pkey PRIMARY KEY (key_id);


--
-- Name: prokube_user_names prokube_user_names_pkey1; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_user_names
    ADD CONSTRAINT prokube_user_names_pkey1 PRIMARY KEY (name);


--
-- Name: registered_model_aliases registered_model_alias_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_aliases
    ADD CONSTRAINT registered_model_alias_pk PRIMARY KEY (workspace, name, alias);


--
-- Name: registered_model_permissions registered_model_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_permissions
    ADD CONSTRAINT registered_model_permissions_pkey PRIMARY KEY (id);


--
-- Name: registered_models registered_model_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_models
    ADD CONSTRAINT registered_model_pk PRIMARY KEY (workspace, name);


--
-- Name: registered_model_tags registered_model_tag_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_tags
    ADD CONSTRAINT registered_model_tag_pk PRIMARY KEY (workspace, key, name);


--
-- Name: review_queue_items review_queue_items_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queue_items
    ADD CONSTRAINT review_queue_items_pk PRIMARY KEY (queue_id, item_id);


--
-- Name: review_queue_label_schemas review_queue_label_schemas_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queue_label_schemas
    ADD CONSTRAINT review_queue_label_schemas_pk PRIMARY KEY (queue_id, schema_id);


--
-- Name: review_queue_users review_queue_users_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queue_users
    ADD CONSTRAINT review_queue_users_pk PRIMARY KEY (queue_id, user_id);


--
-- Name: review_queues review_queues_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queues
    ADD CONSTRAINT review_queues_pk PRIMARY KEY (queue_id);


--
-- Name: role_permissions role_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_pkey PRIMARY KEY (id);


--
-- Name: roles roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (id);


--
-- Name: runs run_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT run_pk PRIMARY KEY (run_uuid);


--
-- Name: scheduler_leases scheduler_leases_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scheduler_leases
    ADD CONSTRAINT scheduler_leases_pk PRIMARY KEY (lease_key);


--
-- Name: scorer_permissions scorer_permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorer_permissions
    ADD CONSTRAINT scorer_permissions_pkey PRIMARY KEY (id);


--
-- Name: scorers scorer_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorers
    ADD CONSTRAINT scorer_pk PRIMARY KEY (scorer_id);


--
-- Name: scorer_versions scorer_version_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorer_versions
    ADD CONSTRAINT scorer_version_pk PRIMARY KEY (scorer_id, scorer_version);


--
-- Name: secrets secrets_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pk PRIMARY KEY (secret_id);


--
-- Name: span_metrics span_metrics_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.span_metrics
    ADD CONSTRAINT span_metrics_pk PRIMARY KEY (trace_id, span_id, key);


--
-- Name: spans spans_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT spans_pk PRIMARY KEY (trace_id, span_id);


--
-- Name: sql_assessment_daily_rollups sql_assessment_daily_rollups_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sql_assessment_daily_rollups
    ADD CONSTRAINT sql_assessment_daily_rollups_pk PRIMARY KEY (id);


--
-- Name: sql_span_cost_daily_rollups sql_span_cost_daily_rollups_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sql_span_cost_daily_rollups
    ADD CONSTRAINT sql_span_cost_daily_rollups_pk PRIMARY KEY (id);


--
-- Name: sql_trace_metric_daily_rollups sql_trace_metric_daily_rollups_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sql_trace_metric_daily_rollups
    ADD CONSTRAINT sql_trace_metric_daily_rollups_pk PRIMARY KEY (id);


--
-- Name: sql_trace_rollup_rebuild_queue sql_trace_rollup_rebuild_queue_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sql_trace_rollup_rebuild_queue
    ADD CONSTRAINT sql_trace_rollup_rebuild_queue_pk PRIMARY KEY (experiment_id, rollup_day, rollup_family);


--
-- Name: tags tag_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tag_pk PRIMARY KEY (key, run_uuid);


--
-- Name: trace_info trace_info_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_info
    ADD CONSTRAINT trace_info_pk PRIMARY KEY (request_id);


--
-- Name: trace_metrics trace_metrics_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_metrics
    ADD CONSTRAINT trace_metrics_pk PRIMARY KEY (request_id, key);


--
-- Name: trace_request_metadata trace_request_metadata_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_request_metadata
    ADD CONSTRAINT trace_request_metadata_pk PRIMARY KEY (key, request_id);


--
-- Name: trace_tags trace_tag_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_tags
    ADD CONSTRAINT trace_tag_pk PRIMARY KEY (key, request_id);


--
-- Name: evaluation_dataset_records unique_dataset_input; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.evaluation_dataset_records
    ADD CONSTRAINT unique_dataset_input UNIQUE (dataset_id, input_hash);


--
-- Name: gateway_endpoint_permissions unique_endpoint_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_endpoint_permissions
    ADD CONSTRAINT unique_endpoint_user UNIQUE (endpoint_id, user_id);


--
-- Name: experiment_permissions unique_experiment_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiment_permissions
    ADD CONSTRAINT unique_experiment_user UNIQUE (experiment_id, user_id);


--
-- Name: gateway_model_definition_permissions unique_model_def_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_model_definition_permissions
    ADD CONSTRAINT unique_model_def_user UNIQUE (model_definition_id, user_id);


--
-- Name: role_permissions unique_role_resource_perm; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT unique_role_resource_perm UNIQUE (role_id, resource_type, resource_pattern);


--
-- Name: scorer_permissions unique_scorer_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorer_permissions
    ADD CONSTRAINT unique_scorer_user UNIQUE (experiment_id, scorer_name, user_id);


--
-- Name: gateway_secret_permissions unique_secret_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_secret_permissions
    ADD CONSTRAINT unique_secret_user UNIQUE (secret_id, user_id);


--
-- Name: user_role_assignments unique_user_role; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_role_assignments
    ADD CONSTRAINT unique_user_role UNIQUE (user_id, role_id);


--
-- Name: registered_model_permissions unique_workspace_name_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_permissions
    ADD CONSTRAINT unique_workspace_name_user UNIQUE (workspace, name, user_id);


--
-- Name: roles unique_workspace_role_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT unique_workspace_role_name UNIQUE (workspace, name);


--
-- Name: endpoints uq_endpoints_workspace_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT uq_endpoints_workspace_name UNIQUE (workspace, name);


--
-- Name: experiments uq_experiments_workspace_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name);


--
-- Name: label_schemas uq_label_schemas_exp_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.label_schemas
    ADD CONSTRAINT uq_label_schemas_exp_name UNIQUE (experiment_id, name);


--
-- Name: model_definitions uq_model_definitions_workspace_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_definitions
    ADD CONSTRAINT uq_model_definitions_workspace_name UNIQUE (workspace, name);


--
-- Name: prokube_identities uq_prokube_identities_subject; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_identities
    ADD CONSTRAINT uq_prokube_identities_subject UNIQUE (issuer, subject);


--
-- Name: prokube_team_roles uq_prokube_team_roles; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_team_roles
    ADD CONSTRAINT uq_prokube_team_roles UNIQUE (team_id, rule_id, workspace);


--
-- Name: prokube_team_rules uq_prokube_team_rules; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_team_rules
    ADD CONSTRAINT uq_prokube_team_rules UNIQUE (team_id, kind, prefix);


--
-- Name: review_queues uq_review_queues_experiment_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queues
    ADD CONSTRAINT uq_review_queues_experiment_name_key UNIQUE (experiment_id, name_key);


--
-- Name: secrets uq_secrets_workspace_secret_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT uq_secrets_workspace_secret_name UNIQUE (workspace, secret_name);


--
-- Name: user_role_assignments user_role_assignments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_role_assignments
    ADD CONSTRAINT user_role_assignments_pkey PRIMARY KEY (id);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: users users_username_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key UNIQUE (username);


--
-- Name: webhook_events webhook_event_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_event_pk PRIMARY KEY (webhook_id, entity, action);


--
-- Name: webhooks webhook_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhook_pk PRIMARY KEY (webhook_id);


--
-- Name: workspace_permissions workspace_permissions_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workspace_permissions
    ADD CONSTRAINT workspace_permissions_pk PRIMARY KEY (workspace, user_id);


--
-- Name: workspaces workspaces_pk; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workspaces
    ADD CONSTRAINT workspaces_pk PRIMARY KEY (name);


--
-- Name: idx_assessment_rollups_lookup; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_assessment_rollups_lookup ON public.sql_assessment_daily_rollups USING btree (experiment_id, rollup_day, metric_name, grouping_set);


--
-- Name: idx_assessments_exp_name_valid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_assessments_exp_name_valid ON public.assessments USING btree (experiment_id, name, valid);


--
-- Name: idx_assessments_exp_trace_ts; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_assessments_exp_trace_ts ON public.assessments USING btree (experiment_id, trace_timestamp_ms);


--
-- Name: idx_assessments_exp_trace_ts_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_assessments_exp_trace_ts_name ON public.assessments USING btree (experiment_id, trace_timestamp_ms, name);


--
-- Name: idx_budget_policies_target_value; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_budget_policies_target_value ON public.budget_policies USING btree (target_value);


--
-- Name: idx_budget_policies_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_budget_policies_workspace ON public.budget_policies USING btree (workspace);


--
-- Name: idx_endpoints_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_endpoints_workspace ON public.endpoints USING btree (workspace);


--
-- Name: idx_evaluation_datasets_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_evaluation_datasets_workspace ON public.evaluation_datasets USING btree (workspace);


--
-- Name: idx_experiments_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_experiments_workspace ON public.experiments USING btree (workspace);


--
-- Name: idx_experiments_workspace_creation_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_experiments_workspace_creation_time ON public.experiments USING btree (workspace, creation_time);


--
-- Name: idx_guardrail_configs_endpoint_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_guardrail_configs_endpoint_id ON public.guardrail_configs USING btree (endpoint_id);


--
-- Name: idx_guardrail_configs_guardrail_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_guardrail_configs_guardrail_id ON public.guardrail_configs USING btree (guardrail_id);


--
-- Name: idx_guardrails_scorer; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_guardrails_scorer ON public.guardrails USING btree (scorer_id, scorer_version);


--
-- Name: idx_guardrails_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_guardrails_workspace ON public.guardrails USING btree (workspace);


--
-- Name: idx_mcp_server_versions_latest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_mcp_server_versions_latest ON public.mcp_server_versions USING btree (workspace, name, status, version_major DESC, version_minor DESC, version_patch DESC);


--
-- Name: idx_model_definitions_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_model_definitions_workspace ON public.model_definitions USING btree (workspace);


--
-- Name: idx_model_version_tags_workspace_name_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_model_version_tags_workspace_name_version ON public.model_version_tags USING btree (workspace, name, version);


--
-- Name: idx_registered_model_tags_workspace_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_registered_model_tags_workspace_name ON public.registered_model_tags USING btree (workspace, name);


--
-- Name: idx_registered_models_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_registered_models_workspace ON public.registered_models USING btree (workspace);


--
-- Name: idx_role_permissions_role_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_role_permissions_role_id ON public.role_permissions USING btree (role_id);


--
-- Name: idx_roles_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_roles_workspace ON public.roles USING btree (workspace);


--
-- Name: idx_secrets_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_secrets_workspace ON public.secrets USING btree (workspace);


--
-- Name: idx_span_cost_rollups_lookup; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_span_cost_rollups_lookup ON public.sql_span_cost_daily_rollups USING btree (experiment_id, rollup_day, metric_name, grouping_set, model_name, model_provider);


--
-- Name: idx_spans_cost_exp_time_cover; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_spans_cost_exp_time_cover ON public.spans USING btree (experiment_id, start_time_unix_nano) INCLUDE (input_cost, output_cost, total_cost, model_name, model_provider) WHERE ((input_cost IS NOT NULL) OR (output_cost IS NOT NULL) OR (total_cost IS NOT NULL));


--
-- Name: idx_spans_cost_trace_time_cover; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_spans_cost_trace_time_cover ON public.spans USING btree (trace_id, start_time_unix_nano) INCLUDE (input_cost, output_cost, total_cost, model_name, model_provider) WHERE ((input_cost IS NOT NULL) OR (output_cost IS NOT NULL) OR (total_cost IS NOT NULL));


--
-- Name: idx_trace_rollups_lookup; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_trace_rollups_lookup ON public.sql_trace_metric_daily_rollups USING btree (experiment_id, rollup_day, metric_name, grouping_set, trace_status);


--
-- Name: idx_user_role_assignments_role_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_user_role_assignments_role_id ON public.user_role_assignments USING btree (role_id);


--
-- Name: idx_user_role_assignments_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_user_role_assignments_user_id ON public.user_role_assignments USING btree (user_id);


--
-- Name: idx_webhook_events_action; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_webhook_events_action ON public.webhook_events USING btree (action);


--
-- Name: idx_webhook_events_entity; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_webhook_events_entity ON public.webhook_events USING btree (entity);


--
-- Name: idx_webhook_events_entity_action; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_webhook_events_entity_action ON public.webhook_events USING btree (entity, action);


--
-- Name: idx_webhooks_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_webhooks_name ON public.webhooks USING btree (name);


--
-- Name: idx_webhooks_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_webhooks_status ON public.webhooks USING btree (status);


--
-- Name: idx_webhooks_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_webhooks_workspace ON public.webhooks USING btree (workspace);


--
-- Name: idx_workspace_permissions_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_workspace_permissions_user_id ON public.workspace_permissions USING btree (user_id);


--
-- Name: idx_workspace_permissions_workspace; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_workspace_permissions_workspace ON public.workspace_permissions USING btree (workspace);


--
-- Name: index_assessments_assessment_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_assessments_assessment_type ON public.assessments USING btree (assessment_type);


--
-- Name: index_assessments_last_updated_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_assessments_last_updated_timestamp ON public.assessments USING btree (last_updated_timestamp);


--
-- Name: index_assessments_run_id_created_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_assessments_run_id_created_timestamp ON public.assessments USING btree (run_id, created_timestamp);


--
-- Name: index_assessments_trace_id_created_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_assessments_trace_id_created_timestamp ON public.assessments USING btree (trace_id, created_timestamp);


--
-- Name: index_datasets_dataset_uuid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_datasets_dataset_uuid ON public.datasets USING btree (dataset_uuid);


--
-- Name: index_datasets_experiment_id_dataset_source_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_datasets_experiment_id_dataset_source_type ON public.datasets USING btree (experiment_id, dataset_source_type);


--
-- Name: index_endpoint_model_mappings_endpoint_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_endpoint_model_mappings_endpoint_id ON public.endpoint_model_mappings USING btree (endpoint_id);


--
-- Name: index_endpoint_model_mappings_model_definition_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_endpoint_model_mappings_model_definition_id ON public.endpoint_model_mappings USING btree (model_definition_id);


--
-- Name: index_endpoint_tags_endpoint_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_endpoint_tags_endpoint_id ON public.endpoint_tags USING btree (endpoint_id);


--
-- Name: index_entity_associations_association_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_entity_associations_association_id ON public.entity_associations USING btree (association_id);


--
-- Name: index_entity_associations_reverse_lookup; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_entity_associations_reverse_lookup ON public.entity_associations USING btree (destination_type, destination_id, source_type, source_id);


--
-- Name: index_evaluation_dataset_records_dataset_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_evaluation_dataset_records_dataset_id ON public.evaluation_dataset_records USING btree (dataset_id);


--
-- Name: index_evaluation_dataset_tags_dataset_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_evaluation_dataset_tags_dataset_id ON public.evaluation_dataset_tags USING btree (dataset_id);


--
-- Name: index_evaluation_datasets_created_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_evaluation_datasets_created_time ON public.evaluation_datasets USING btree (created_time);


--
-- Name: index_evaluation_datasets_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_evaluation_datasets_name ON public.evaluation_datasets USING btree (name);


--
-- Name: index_inputs_destination_type_destination_id_source_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_inputs_destination_type_destination_id_source_type ON public.inputs USING btree (destination_type, destination_id, source_type);


--
-- Name: index_inputs_input_uuid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_inputs_input_uuid ON public.inputs USING btree (input_uuid);


--
-- Name: index_issues_experiment_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_issues_experiment_id ON public.issues USING btree (experiment_id);


--
-- Name: index_issues_source_run_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_issues_source_run_id ON public.issues USING btree (source_run_id);


--
-- Name: index_issues_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_issues_status ON public.issues USING btree (status);


--
-- Name: index_job_locks_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_job_locks_job_id ON public.job_locks USING btree (job_id);


--
-- Name: index_jobs_name_status_creation_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_jobs_name_status_creation_time ON public.jobs USING btree (job_name, workspace, status, creation_time);


--
-- Name: index_jobs_status_lease_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_jobs_status_lease_expires_at ON public.jobs USING btree (status, lease_expires_at);


--
-- Name: index_label_schemas_experiment_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_label_schemas_experiment_id ON public.label_schemas USING btree (experiment_id);


--
-- Name: index_latest_metrics_run_uuid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_latest_metrics_run_uuid ON public.latest_metrics USING btree (run_uuid);


--
-- Name: index_logged_model_metrics_model_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_logged_model_metrics_model_id ON public.logged_model_metrics USING btree (model_id);


--
-- Name: index_metrics_run_uuid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_metrics_run_uuid ON public.metrics USING btree (run_uuid);


--
-- Name: index_metrics_run_uuid_key_step; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_metrics_run_uuid_key_step ON public.metrics USING btree (run_uuid, key, step);


--
-- Name: index_model_definitions_provider; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_model_definitions_provider ON public.model_definitions USING btree (provider);


--
-- Name: index_model_definitions_secret_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_model_definitions_secret_id ON public.model_definitions USING btree (secret_id);


--
-- Name: index_params_run_uuid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_params_run_uuid ON public.params USING btree (run_uuid);


--
-- Name: index_review_queue_items_item_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_review_queue_items_item_id ON public.review_queue_items USING btree (item_id);


--
-- Name: index_review_queue_items_queue_id_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_review_queue_items_queue_id_status ON public.review_queue_items USING btree (queue_id, status);


--
-- Name: index_review_queue_label_schemas_schema_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_review_queue_label_schemas_schema_id ON public.review_queue_label_schemas USING btree (schema_id);


--
-- Name: index_review_queue_users_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_review_queue_users_user_id ON public.review_queue_users USING btree (user_id);


--
-- Name: index_review_queues_experiment_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_review_queues_experiment_id ON public.review_queues USING btree (experiment_id);


--
-- Name: index_scorer_versions_scorer_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_scorer_versions_scorer_id ON public.scorer_versions USING btree (scorer_id);


--
-- Name: index_scorers_experiment_id_scorer_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX index_scorers_experiment_id_scorer_name ON public.scorers USING btree (experiment_id, scorer_name);


--
-- Name: index_span_metrics_trace_id_span_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_span_metrics_trace_id_span_id ON public.span_metrics USING btree (trace_id, span_id);


--
-- Name: index_spans_experiment_id_duration; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_spans_experiment_id_duration ON public.spans USING btree (experiment_id, duration_ns);


--
-- Name: index_spans_experiment_id_start_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_spans_experiment_id_start_time ON public.spans USING btree (experiment_id, start_time_unix_nano);


--
-- Name: index_spans_experiment_id_status_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_spans_experiment_id_status_type ON public.spans USING btree (experiment_id, status, type);


--
-- Name: index_spans_experiment_id_type_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_spans_experiment_id_type_status ON public.spans USING btree (experiment_id, type, status);


--
-- Name: index_tags_run_uuid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_tags_run_uuid ON public.tags USING btree (run_uuid);


--
-- Name: index_trace_info_experiment_id_session_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_trace_info_experiment_id_session_id ON public.trace_info USING btree (experiment_id, session_id);


--
-- Name: index_trace_info_experiment_id_timestamp_ms; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_trace_info_experiment_id_timestamp_ms ON public.trace_info USING btree (experiment_id, timestamp_ms);


--
-- Name: index_trace_info_timestamp_ms_request_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_trace_info_timestamp_ms_request_id ON public.trace_info USING btree (timestamp_ms, request_id);


--
-- Name: index_trace_metrics_request_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_trace_metrics_request_id ON public.trace_metrics USING btree (request_id);


--
-- Name: index_trace_request_metadata_request_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_trace_request_metadata_request_id ON public.trace_request_metadata USING btree (request_id);


--
-- Name: index_trace_tags_request_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX index_trace_tags_request_id ON public.trace_tags USING btree (request_id);


--
-- Name: ix_mcp_access_endpoints_alias; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mcp_access_endpoints_alias ON public.mcp_access_endpoints USING btree (workspace, server_name, server_alias);


--
-- Name: ix_mcp_access_endpoints_server_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mcp_access_endpoints_server_name ON public.mcp_access_endpoints USING btree (workspace, server_name);


--
-- Name: ix_mcp_access_endpoints_version; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mcp_access_endpoints_version ON public.mcp_access_endpoints USING btree (workspace, server_name, server_version);


--
-- Name: ix_prokube_audit_events_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_audit_events_at ON public.prokube_audit_events USING btree (at);


--
-- Name: ix_prokube_consents_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_consents_expires_at ON public.prokube_consents USING btree (expires_at);


--
-- Name: ix_prokube_counted_versions_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_counted_versions_user_id ON public.prokube_counted_versions USING btree (user_id);


--
-- Name: ix_prokube_logout_tokens_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_logout_tokens_expires_at ON public.prokube_logout_tokens USING btree (expires_at);


--
-- Name: ix_prokube_resource_names_pending; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_resource_names_pending ON public.prokube_resource_names USING btree (user_id, pending);


--
-- Name: ix_prokube_role_permissions_resource; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_role_permissions_resource ON public.role_permissions USING btree (resource_type, resource_pattern);


--
-- Name: ix_prokube_sessions_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_sessions_expires_at ON public.prokube_sessions USING btree (expires_at);


--
-- Name: ix_prokube_sessions_sid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_sessions_sid ON public.prokube_sessions USING btree (sid);


--
-- Name: ix_prokube_sessions_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_sessions_user_id ON public.prokube_sessions USING btree (user_id);


--
-- Name: ix_prokube_tokens_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_tokens_user_id ON public.prokube_tokens USING btree (user_id);


--
-- Name: ix_prokube_user_names_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_prokube_user_names_user_id ON public.prokube_user_names USING btree (user_id);


--
-- Name: unique_endpoint_model_linkage_mapping; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX unique_endpoint_model_linkage_mapping ON public.endpoint_model_mappings USING btree (endpoint_id, model_definition_id, linkage_type);


--
-- Name: secrets prevent_secrets_aad_mutation; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER prevent_secrets_aad_mutation BEFORE UPDATE ON public.secrets FOR EACH ROW EXECUTE FUNCTION public.prevent_secrets_aad_mutation();


--
-- Name: role_permissions prokube_role_permissions_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER prokube_role_permissions_delete AFTER DELETE ON public.role_permissions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.prokube_bump_role_permissions();


--
-- Name: role_permissions prokube_role_permissions_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER prokube_role_permissions_insert AFTER INSERT ON public.role_permissions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.prokube_bump_role_permissions();


--
-- Name: role_permissions prokube_role_permissions_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER prokube_role_permissions_update AFTER UPDATE ON public.role_permissions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.prokube_bump_role_permissions();


--
-- Name: roles prokube_roles_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER prokube_roles_delete AFTER DELETE ON public.roles REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.prokube_bump_roles();


--
-- Name: roles prokube_roles_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER prokube_roles_update AFTER UPDATE ON public.roles REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.prokube_bump_roles();


--
-- Name: experiment_tags experiment_tags_experiment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiment_tags
    ADD CONSTRAINT experiment_tags_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id);


--
-- Name: assessments fk_assessments_trace_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.assessments
    ADD CONSTRAINT fk_assessments_trace_id FOREIGN KEY (trace_id) REFERENCES public.trace_info(request_id) ON DELETE CASCADE;


--
-- Name: datasets fk_datasets_experiment_id_experiments; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE CASCADE;


--
-- Name: endpoint_bindings fk_endpoint_bindings_endpoint_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_bindings
    ADD CONSTRAINT fk_endpoint_bindings_endpoint_id FOREIGN KEY (endpoint_id) REFERENCES public.endpoints(endpoint_id) ON DELETE CASCADE;


--
-- Name: endpoint_model_mappings fk_endpoint_model_mappings_endpoint_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_model_mappings
    ADD CONSTRAINT fk_endpoint_model_mappings_endpoint_id FOREIGN KEY (endpoint_id) REFERENCES public.endpoints(endpoint_id) ON DELETE CASCADE;


--
-- Name: endpoint_model_mappings fk_endpoint_model_mappings_model_definition_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_model_mappings
    ADD CONSTRAINT fk_endpoint_model_mappings_model_definition_id FOREIGN KEY (model_definition_id) REFERENCES public.model_definitions(model_definition_id);


--
-- Name: endpoint_tags fk_endpoint_tags_endpoint_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoint_tags
    ADD CONSTRAINT fk_endpoint_tags_endpoint_id FOREIGN KEY (endpoint_id) REFERENCES public.endpoints(endpoint_id) ON DELETE CASCADE;


--
-- Name: endpoints fk_endpoints_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.endpoints
    ADD CONSTRAINT fk_endpoints_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE SET NULL;


--
-- Name: evaluation_dataset_records fk_evaluation_dataset_records_dataset_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.evaluation_dataset_records
    ADD CONSTRAINT fk_evaluation_dataset_records_dataset_id FOREIGN KEY (dataset_id) REFERENCES public.evaluation_datasets(dataset_id) ON DELETE CASCADE;


--
-- Name: evaluation_dataset_tags fk_evaluation_dataset_tags_dataset_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.evaluation_dataset_tags
    ADD CONSTRAINT fk_evaluation_dataset_tags_dataset_id FOREIGN KEY (dataset_id) REFERENCES public.evaluation_datasets(dataset_id) ON DELETE CASCADE;


--
-- Name: gateway_endpoint_permissions fk_gateway_endpoint_perm_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_endpoint_permissions
    ADD CONSTRAINT fk_gateway_endpoint_perm_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: gateway_model_definition_permissions fk_gateway_model_def_perm_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_model_definition_permissions
    ADD CONSTRAINT fk_gateway_model_def_perm_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: gateway_secret_permissions fk_gateway_secret_perm_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gateway_secret_permissions
    ADD CONSTRAINT fk_gateway_secret_perm_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: guardrail_configs fk_guardrail_configs_endpoint_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.guardrail_configs
    ADD CONSTRAINT fk_guardrail_configs_endpoint_id FOREIGN KEY (endpoint_id) REFERENCES public.endpoints(endpoint_id) ON DELETE CASCADE;


--
-- Name: guardrail_configs fk_guardrail_configs_guardrail_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.guardrail_configs
    ADD CONSTRAINT fk_guardrail_configs_guardrail_id FOREIGN KEY (guardrail_id) REFERENCES public.guardrails(guardrail_id) ON DELETE CASCADE;


--
-- Name: guardrails fk_guardrails_action_endpoint_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.guardrails
    ADD CONSTRAINT fk_guardrails_action_endpoint_id FOREIGN KEY (action_endpoint_id) REFERENCES public.endpoints(endpoint_id) ON DELETE SET NULL;


--
-- Name: guardrails fk_guardrails_scorer_version; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.guardrails
    ADD CONSTRAINT fk_guardrails_scorer_version FOREIGN KEY (scorer_id, scorer_version) REFERENCES public.scorer_versions(scorer_id, scorer_version);


--
-- Name: issues fk_issues_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.issues
    ADD CONSTRAINT fk_issues_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE CASCADE;


--
-- Name: issues fk_issues_source_run_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.issues
    ADD CONSTRAINT fk_issues_source_run_id FOREIGN KEY (source_run_id) REFERENCES public.runs(run_uuid) ON DELETE SET NULL;


--
-- Name: job_locks fk_job_locks_job_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_locks
    ADD CONSTRAINT fk_job_locks_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;


--
-- Name: label_schemas fk_label_schemas_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.label_schemas
    ADD CONSTRAINT fk_label_schemas_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE CASCADE;


--
-- Name: logged_model_metrics fk_logged_model_metrics_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_metrics
    ADD CONSTRAINT fk_logged_model_metrics_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id);


--
-- Name: logged_model_metrics fk_logged_model_metrics_model_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_metrics
    ADD CONSTRAINT fk_logged_model_metrics_model_id FOREIGN KEY (model_id) REFERENCES public.logged_models(model_id) ON DELETE CASCADE;


--
-- Name: logged_model_metrics fk_logged_model_metrics_run_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_metrics
    ADD CONSTRAINT fk_logged_model_metrics_run_id FOREIGN KEY (run_id) REFERENCES public.runs(run_uuid) ON DELETE CASCADE;


--
-- Name: logged_model_params fk_logged_model_params_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_params
    ADD CONSTRAINT fk_logged_model_params_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id);


--
-- Name: logged_model_params fk_logged_model_params_model_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_params
    ADD CONSTRAINT fk_logged_model_params_model_id FOREIGN KEY (model_id) REFERENCES public.logged_models(model_id) ON DELETE CASCADE;


--
-- Name: logged_model_tags fk_logged_model_tags_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_tags
    ADD CONSTRAINT fk_logged_model_tags_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id);


--
-- Name: logged_model_tags fk_logged_model_tags_model_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_model_tags
    ADD CONSTRAINT fk_logged_model_tags_model_id FOREIGN KEY (model_id) REFERENCES public.logged_models(model_id) ON DELETE CASCADE;


--
-- Name: logged_models fk_logged_models_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logged_models
    ADD CONSTRAINT fk_logged_models_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE CASCADE;


--
-- Name: model_definitions fk_model_definitions_secret_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_definitions
    ADD CONSTRAINT fk_model_definitions_secret_id FOREIGN KEY (secret_id) REFERENCES public.secrets(secret_id) ON DELETE SET NULL;


--
-- Name: model_version_tags fk_model_version_tags_model_versions; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_version_tags
    ADD CONSTRAINT fk_model_version_tags_model_versions FOREIGN KEY (workspace, name, version) REFERENCES public.model_versions(workspace, name, version) ON UPDATE CASCADE;


--
-- Name: model_versions fk_model_versions_registered_models; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT fk_model_versions_registered_models FOREIGN KEY (workspace, name) REFERENCES public.registered_models(workspace, name) ON UPDATE CASCADE;


--
-- Name: online_scoring_configs fk_online_scoring_configs_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.online_scoring_configs
    ADD CONSTRAINT fk_online_scoring_configs_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id);


--
-- Name: online_scoring_configs fk_online_scoring_configs_scorer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.online_scoring_configs
    ADD CONSTRAINT fk_online_scoring_configs_scorer_id FOREIGN KEY (scorer_id) REFERENCES public.scorers(scorer_id) ON DELETE CASCADE;


--
-- Name: registered_model_aliases fk_registered_model_aliases_registered_models; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_aliases
    ADD CONSTRAINT fk_registered_model_aliases_registered_models FOREIGN KEY (workspace, name) REFERENCES public.registered_models(workspace, name) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- Name: registered_model_tags fk_registered_model_tags_registered_models; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_tags
    ADD CONSTRAINT fk_registered_model_tags_registered_models FOREIGN KEY (workspace, name) REFERENCES public.registered_models(workspace, name) ON UPDATE CASCADE;


--
-- Name: review_queue_items fk_review_queue_items_queue_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queue_items
    ADD CONSTRAINT fk_review_queue_items_queue_id FOREIGN KEY (queue_id) REFERENCES public.review_queues(queue_id) ON DELETE CASCADE;


--
-- Name: review_queue_label_schemas fk_review_queue_label_schemas_queue_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queue_label_schemas
    ADD CONSTRAINT fk_review_queue_label_schemas_queue_id FOREIGN KEY (queue_id) REFERENCES public.review_queues(queue_id) ON DELETE CASCADE;


--
-- Name: review_queue_users fk_review_queue_users_queue_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queue_users
    ADD CONSTRAINT fk_review_queue_users_queue_id FOREIGN KEY (queue_id) REFERENCES public.review_queues(queue_id) ON DELETE CASCADE;


--
-- Name: review_queues fk_review_queues_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.review_queues
    ADD CONSTRAINT fk_review_queues_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE CASCADE;


--
-- Name: scorer_permissions fk_scorer_perm_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorer_permissions
    ADD CONSTRAINT fk_scorer_perm_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: scorer_versions fk_scorer_versions_scorer_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorer_versions
    ADD CONSTRAINT fk_scorer_versions_scorer_id FOREIGN KEY (scorer_id) REFERENCES public.scorers(scorer_id) ON DELETE CASCADE;


--
-- Name: scorers fk_scorers_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.scorers
    ADD CONSTRAINT fk_scorers_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE CASCADE;


--
-- Name: span_metrics fk_span_metrics_span; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.span_metrics
    ADD CONSTRAINT fk_span_metrics_span FOREIGN KEY (trace_id, span_id) REFERENCES public.spans(trace_id, span_id) ON DELETE CASCADE;


--
-- Name: spans fk_spans_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT fk_spans_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id);


--
-- Name: spans fk_spans_trace_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.spans
    ADD CONSTRAINT fk_spans_trace_id FOREIGN KEY (trace_id) REFERENCES public.trace_info(request_id) ON DELETE CASCADE;


--
-- Name: trace_info fk_trace_info_experiment_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_info
    ADD CONSTRAINT fk_trace_info_experiment_id FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id) ON DELETE CASCADE;


--
-- Name: trace_metrics fk_trace_metrics_request_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_metrics
    ADD CONSTRAINT fk_trace_metrics_request_id FOREIGN KEY (request_id) REFERENCES public.trace_info(request_id) ON DELETE CASCADE;


--
-- Name: trace_request_metadata fk_trace_request_metadata_request_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_request_metadata
    ADD CONSTRAINT fk_trace_request_metadata_request_id FOREIGN KEY (request_id) REFERENCES public.trace_info(request_id) ON DELETE CASCADE;


--
-- Name: trace_tags fk_trace_tags_request_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace_tags
    ADD CONSTRAINT fk_trace_tags_request_id FOREIGN KEY (request_id) REFERENCES public.trace_info(request_id) ON DELETE CASCADE;


--
-- Name: experiment_permissions fk_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.experiment_permissions
    ADD CONSTRAINT fk_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: registered_model_permissions fk_user_id; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registered_model_permissions
    ADD CONSTRAINT fk_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: latest_metrics latest_metrics_run_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.latest_metrics
    ADD CONSTRAINT latest_metrics_run_uuid_fkey FOREIGN KEY (run_uuid) REFERENCES public.runs(run_uuid);


--
-- Name: mcp_access_endpoints mcp_access_endpoints_server_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_access_endpoints
    ADD CONSTRAINT mcp_access_endpoints_server_fkey FOREIGN KEY (workspace, server_name) REFERENCES public.mcp_servers(workspace, name) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- Name: mcp_server_aliases mcp_server_aliases_server_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_aliases
    ADD CONSTRAINT mcp_server_aliases_server_fkey FOREIGN KEY (workspace, name) REFERENCES public.mcp_servers(workspace, name) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- Name: mcp_server_tags mcp_server_tags_server_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_tags
    ADD CONSTRAINT mcp_server_tags_server_fkey FOREIGN KEY (workspace, name) REFERENCES public.mcp_servers(workspace, name) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- Name: mcp_server_version_tags mcp_server_version_tags_version_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_version_tags
    ADD CONSTRAINT mcp_server_version_tags_version_fkey FOREIGN KEY (workspace, name, version) REFERENCES public.mcp_server_versions(workspace, name, version) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- Name: mcp_server_versions mcp_server_versions_server_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server_versions
    ADD CONSTRAINT mcp_server_versions_server_fkey FOREIGN KEY (workspace, name) REFERENCES public.mcp_servers(workspace, name) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- Name: metrics metrics_run_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metrics
    ADD CONSTRAINT metrics_run_uuid_fkey FOREIGN KEY (run_uuid) REFERENCES public.runs(run_uuid);


--
-- Name: params params_run_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.params
    ADD CONSTRAINT params_run_uuid_fkey FOREIGN KEY (run_uuid) REFERENCES public.runs(run_uuid);


--
-- Name: prokube_consents prokube_consents_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_consents
    ADD CONSTRAINT prokube_consents_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: prokube_counted_versions prokube_counted_versions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_counted_versions
    ADD CONSTRAINT prokube_counted_versions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: prokube_identities prokube_identities_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_identities
    ADD CONSTRAINT prokube_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: prokube_local_admins prokube_local_admins_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_local_admins
    ADD CONSTRAINT prokube_local_admins_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: prokube_sessions prokube_sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_sessions
    ADD CONSTRAINT prokube_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: prokube_team_roles prokube_team_roles_team_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_team_roles
    ADD CONSTRAINT prokube_team_roles_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.prokube_teams(id) ON DELETE CASCADE;


--
-- Name: prokube_team_rules prokube_team_rules_team_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_team_rules
    ADD CONSTRAINT prokube_team_rules_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.prokube_teams(id) ON DELETE CASCADE;


--
-- Name: prokube_tokens prokube_tokens_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_tokens
    ADD CONSTRAINT prokube_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: prokube_user_names prokube_user_names_user_id_fkey1; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prokube_user_names
    ADD CONSTRAINT prokube_user_names_user_id_fkey1 FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;


--
-- Name: role_permissions role_permissions_role_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_role_id_fkey FOREIGN KEY (role_id) REFERENCES public.roles(id);


--
-- Name: runs runs_experiment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_experiment_id_fkey FOREIGN KEY (experiment_id) REFERENCES public.experiments(experiment_id);


--
-- Name: tags tags_run_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_run_uuid_fkey FOREIGN KEY (run_uuid) REFERENCES public.runs(run_uuid);


--
-- Name: user_role_assignments user_role_assignments_role_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_role_assignments
    ADD CONSTRAINT user_role_assignments_role_id_fkey FOREIGN KEY (role_id) REFERENCES public.roles(id);


--
-- Name: user_role_assignments user_role_assignments_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_role_assignments
    ADD CONSTRAINT user_role_assignments_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- Name: webhook_events webhook_events_webhook_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhook_events
    ADD CONSTRAINT webhook_events_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhooks(webhook_id) ON DELETE CASCADE;


--
-- Name: workspace_permissions workspace_permissions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workspace_permissions
    ADD CONSTRAINT workspace_permissions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);


--
-- PostgreSQL database dump complete
--

\unrestrict nddZvxTBi5wL1gZq6LWasct4RRCqktXzeAil199ojLCERqSWzDkYuIzisjU40kT

