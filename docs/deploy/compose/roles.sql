-- The database and its two roles, as in docs/operate.md. The image of PostgreSQL runs it when its volume is empty.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/database_owner_password`
\set password `cat /run/secrets/database_password`
CREATE ROLE gatehouse_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE gatehouse LOGIN PASSWORD :'password';
CREATE DATABASE gatehouse OWNER gatehouse_owner;
REVOKE ALL ON DATABASE gatehouse FROM PUBLIC;
GRANT CONNECT ON DATABASE gatehouse TO gatehouse;
\connect gatehouse
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO gatehouse_owner;
GRANT USAGE ON SCHEMA public TO gatehouse;
ALTER DEFAULT PRIVILEGES FOR ROLE gatehouse_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO gatehouse;
ALTER DEFAULT PRIVILEGES FOR ROLE gatehouse_owner IN SCHEMA public GRANT USAGE ON SEQUENCES TO gatehouse;
