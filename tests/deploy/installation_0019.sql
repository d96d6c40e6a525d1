-- An installation as migration 0019 left it, with as many people as the setting rehearsal.people says.
-- Acme has the people, and nothing of it may change. Globex is written to during the upgrade. Initech has what migrations change.

-- The key of an organization's row: a UUID of version 7.
CREATE FUNCTION pg_temp.key(organization int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT format('01990000-0000-7000-8%s-%s', lpad(to_hex(organization), 3, '0'), lpad(to_hex(number), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.people() RETURNS int LANGUAGE sql AS $$ SELECT current_setting('rehearsal.people')::int $$;

INSERT INTO directory_organization (id, name, slug, created_at, updated_at, email_allowed_domains, settings)
SELECT pg_temp.key(o, 0), initcap(slug), slug, now(), now(), domains, settings
FROM (VALUES
    (1, 'acme', '["acme.example"]'::jsonb, NULL::jsonb),
    (2, 'globex', '[]', NULL),
    (3, 'initech', '["strasse.example"]', '{"claimed_email_domains": ["strasse.example"]}')
) AS organizations (o, slug, domains, settings);

INSERT INTO directory_project (id, public_token, created_at) VALUES (pg_temp.key(0, 1), 'public-token-live-1', now());

INSERT INTO directory_scimconnection (id, organization_id, display_name, identity_provider, status, created_at, updated_at,
    attention, extension_schemas, has_nested_groups, is_strict, skips_unknown_members, brake_kept_at)
SELECT pg_temp.key(o, 1), pg_temp.key(o, 0), 'Okta', 'okta', 'active', now(), now(), '', '[]', TRUE, FALSE, FALSE, now()
FROM generate_series(1, 3) o;

INSERT INTO directory_scimtoken (id, organization_id, connection_id, token_hash, last_four, is_next, created_at, expires_at,
    last_used_ip, last_used_client)
SELECT pg_temp.key(o, 1), pg_temp.key(o, 0), pg_temp.key(o, 1), sha256(o::text::bytea), 'abcd', FALSE, now(),
    now() + '1 year', '', ''
FROM generate_series(1, 3) o;

-- Acme
INSERT INTO directory_member (id, organization_id, email_address, email_address_folded, name, status, password, direct_roles,
    created_at, updated_at)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), format('p%s@acme.example', n), format('p%s@acme.example', n), format('Person %s', n),
    'active', '', CASE WHEN n % 1000 = 0 THEN '["stytch_admin"]'::jsonb ELSE '[]' END, now(), now()
FROM generate_series(1, pg_temp.people()) n;

INSERT INTO directory_scimuser (id, organization_id, connection_id, member_id, user_name, user_name_folded, external_id,
    display_name, active, document, search, is_adopted, created_at, updated_at)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), pg_temp.key(1, 1), pg_temp.key(1, n), format('P%s@acme.example', n),
    format('p%s@acme.example', n), format('00u%s', n), format('Person %s', n), n % 50 <> 0,
    jsonb_build_object('userName', format('P%s@acme.example', n), 'title', 'Engineer'),
    jsonb_build_object('userName', format('p%s@acme.example', n), 'title', 'engineer'), FALSE, now(), now()
FROM generate_series(1, pg_temp.people()) n;

INSERT INTO directory_scimgroup (id, organization_id, connection_id, display_name, display_name_folded, external_id, document,
    search, member_count, created_at, updated_at)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), pg_temp.key(1, 1), format('Group %s', n), format('group %s', n), format('00g%s', n),
    jsonb_build_object('displayName', format('Group %s', n)), jsonb_build_object('displayName', format('group %s', n)), 0, now(), now()
FROM generate_series(0, pg_temp.people() / 50) n;

INSERT INTO directory_scimmembership (organization_id, group_id, user_id)
SELECT pg_temp.key(1, 0), pg_temp.key(1, in_group), pg_temp.key(1, n)
FROM generate_series(1, pg_temp.people()) n, LATERAL (VALUES (0), (1 + n % (pg_temp.people() / 50))) AS each (in_group);

INSERT INTO directory_scimnesting (organization_id, group_id, member_id)
SELECT pg_temp.key(1, 0), pg_temp.key(1, 0), pg_temp.key(1, n) FROM generate_series(1, 5) n;

INSERT INTO directory_scimgrouprole (organization_id, connection_id, group_id, group_key, group_name, role_id, created_at)
SELECT pg_temp.key(1, 0), pg_temp.key(1, 1), pg_temp.key(1, n), pg_temp.key(1, n), format('Group %s', n), 'stytch_admin', now()
FROM generate_series(1, 3) n;

INSERT INTO directory_scimconflict (id, organization_id, connection_id, member_id, user_name, display_name, first_at, last_at)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), pg_temp.key(1, 1), pg_temp.key(1, n), format('other%s', n), '', now(), now()
FROM generate_series(1, 20) n;

INSERT INTO directory_scimbrake (organization_id, connection_id, minutes, people, gone)
VALUES (pg_temp.key(1, 0), pg_temp.key(1, 1), '{}', pg_temp.people(), 3);

INSERT INTO directory_membersession (id, organization_id, member_id, token_hash, started_at, last_accessed_at, expires_at,
    ip_address, user_agent)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), pg_temp.key(1, n), sha256(('session' || n)::bytea), now(), now(), now() + '1 hour',
    '192.0.2.1', 'Firefox'
FROM generate_series(1, pg_temp.people(), 5) n;

INSERT INTO directory_signinlink (id, organization_id, member_id, token_hash, created_at, expires_at)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), pg_temp.key(1, n), sha256(('link' || n)::bytea), now(), now() + '1 day'
FROM generate_series(1, pg_temp.people(), 50) n;

INSERT INTO directory_activityentry (id, organization_id, at, actor_type, actor_id, actor_name, on_behalf_of, action, target_id,
    target_name, before, after, ip_address, user_agent, request_id)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), now(), 'scim', '', 'Okta', '', 'member.create', n::text, format('Person %s', n), '{}',
    jsonb_build_object('status', 'active'), '192.0.2.1', '', ''
FROM generate_series(1, pg_temp.people()) n;

INSERT INTO directory_scimrequest (id, organization_id, connection_id, at, method, path, query, status, scim_type, detail,
    duration_ms, resource_type, resource_id, changed_attributes, body, is_body_cut, token_last_four, ip_address, user_agent, request_id)
SELECT pg_temp.key(1, n), pg_temp.key(1, 0), pg_temp.key(1, 1), now(), 'POST', '/Users', '', 201, '', '', 12, 'User', n::text,
    '["title"]', '', FALSE, 'abcd', '192.0.2.1', 'Okta', ''
FROM generate_series(1, pg_temp.people()) n;

-- Globex: what the load changes
INSERT INTO directory_scimgroup (id, organization_id, connection_id, display_name, display_name_folded, external_id, document,
    search, member_count, created_at, updated_at)
VALUES (pg_temp.key(2, 1), pg_temp.key(2, 0), pg_temp.key(2, 1), 'Everyone', 'everyone', '', '{"displayName": "Everyone"}',
    '{"displayName": "everyone"}', 0, now(), now());

-- Initech: what migrations change
INSERT INTO directory_member (id, organization_id, email_address, email_address_folded, name, status, password, direct_roles,
    created_at, updated_at)
VALUES (pg_temp.key(3, 1), pg_temp.key(3, 0), 'ann@straße.example', 'ann@strasse.example', 'Ann', 'active', '', '[]', now(), now());

INSERT INTO directory_scimuser (id, organization_id, connection_id, member_id, user_name, user_name_folded, external_id,
    display_name, active, document, search, is_adopted, created_at, updated_at)
VALUES
    (pg_temp.key(3, 1), pg_temp.key(3, 0), pg_temp.key(3, 1), pg_temp.key(3, 1), 'Weiß', 'weiss', '', 'Ann Weiß', TRUE,
        '{"userName": "Weiß"}', '{"userName": "weiss"}', FALSE, now(), now()),
    (pg_temp.key(3, 2), pg_temp.key(3, 0), pg_temp.key(3, 1), NULL, 'Ben@Initech.example', 'ben@initech.example', '', 'Ben', TRUE,
        '{"userName": "Ben@Initech.example"}', '{"userName": "ben@initech.example"}', FALSE, now(), now());

INSERT INTO directory_scimcontact (organization_id, connection_id, email_address, email_address_folded)
VALUES (pg_temp.key(3, 0), pg_temp.key(3, 1), 'it@initech.example', 'it@initech.example'),
    (pg_temp.key(3, 0), pg_temp.key(3, 1), 'ops@initech.example', 'ops@initech.example');

INSERT INTO directory_scimreminder (organization_id, connection_id, about, sent_at)
VALUES (pg_temp.key(3, 0), pg_temp.key(3, 1), 'brake/1', now());

INSERT INTO directory_intermediatesession (id, token_hash, email_address, expires_at)
VALUES (pg_temp.key(3, 1), sha256('choice'), 'ann@straße.example', now() + '1 hour');
INSERT INTO directory_intermediatesession_members (intermediatesession_id, member_id) VALUES (pg_temp.key(3, 1), pg_temp.key(3, 1));

INSERT INTO directory_activityentry (id, organization_id, at, actor_type, actor_id, actor_name, on_behalf_of, action, target_id,
    target_name, before, after, ip_address, user_agent, request_id)
VALUES (pg_temp.key(3, 1), NULL, now(), 'operator', '', '', '', 'project.create', '1', '', '{}', '{}', '', '', '');
