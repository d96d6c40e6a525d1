#!/bin/sh
# Writes the secrets of compose.yaml to ./secrets, each once: a file that exists stays as it is.
# The engine hands each service only the files that it names. Only their owner can enter the folder, so that the files
# can be readable for the users inside the containers.
set -eu
umask 022
mkdir -p -m 700 secrets
cd secrets

random() { LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c "$1"; }
create() { [ -e "$1" ] || { printf %s "$2" >"$1.new" && mv "$1.new" "$1"; }; }

create secret_key "$(random 80)"
create database_superuser_password "$(random 40)"
create database_owner_password "$(random 40)"
create database_password "$(random 40)"
create database_owner_url "postgres://gatehouse_owner:$(cat database_owner_password)@postgres:5432/gatehouse"
create database_url "postgres://gatehouse:$(cat database_password)@postgres:5432/gatehouse"
echo "The secrets are in $PWD. Back up secret_key somewhere else than the database."
