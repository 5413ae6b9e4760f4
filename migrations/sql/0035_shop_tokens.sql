-- Tokens of shops whose people installed our app. They are sealed (AES-256-GCM) under a key that is not here; only
-- what says when to renew one can be read. A refresh token is replaced when it is used: whoever uses it holds the row's
-- lock until its answer is committed.
CREATE TABLE integration.shop_tokens (
    shop text CONSTRAINT shop_tokens_pkey PRIMARY KEY,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    refresh_until timestamptz NOT NULL
);
