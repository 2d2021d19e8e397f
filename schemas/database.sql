-- The tables that both workers write. Idempotent.
-- The API owns `videos`: if it exists, only the two columns that the workers need are added.
-- One transaction. Run it before workers of a new version start.

BEGIN;
-- Adding a column waits for open transactions on its table and blocks others meanwhile: fail after a short time.
SET LOCAL lock_timeout = '20s';

DO $$ BEGIN
    CREATE TYPE video_status_enum AS ENUM ('uploaded', 'queued', 'processing', 'done', 'error');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

DO $$ BEGIN
    CREATE TYPE analysis_status_enum AS ENUM ('queued', 'processing', 'done', 'error');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

CREATE TABLE IF NOT EXISTS videos (
    id                      uuid PRIMARY KEY,
    workspace_id            uuid NOT NULL,
    workspace_code          text,
    file_name               text,
    camera_label            text,
    camera_code             text,
    s3_key_raw              text,
    recorded_at             timestamptz,
    frame_stride            int,
    status                  video_status_enum NOT NULL DEFAULT 'uploaded',
    error_msg               text,
    updated_at              timestamptz NOT NULL DEFAULT now(),
    processing_started_at   timestamptz,
    processing_finished_at  timestamptz
);
ALTER TABLE videos ADD COLUMN IF NOT EXISTS attempt_state text, ADD COLUMN IF NOT EXISTS error_code text;

CREATE TABLE IF NOT EXISTS image_analyses (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id      uuid NOT NULL,
    video_id          uuid NOT NULL,
    workspace_code    text NOT NULL,
    camera_code       text NOT NULL,
    track_id          int NOT NULL CHECK (track_id >= 1),
    snapshot_s3_key   text NOT NULL UNIQUE,
    recorded_at       timestamptz,
    detected_in_ms    bigint NOT NULL CHECK (detected_in_ms >= 0),
    detected_at       timestamptz,
    yolo_type         text NOT NULL,
    status            analysis_status_enum NOT NULL DEFAULT 'queued',
    error_msg         text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE image_analyses ADD COLUMN IF NOT EXISTS run_key text,
    ADD COLUMN IF NOT EXISTS attempt_state text, ADD COLUMN IF NOT EXISTS error_code text;
ALTER TABLE image_analyses ADD COLUMN IF NOT EXISTS detected_box jsonb;
CREATE UNIQUE INDEX IF NOT EXISTS image_analyses_one_per_track ON image_analyses (video_id, run_key, track_id);
CREATE INDEX IF NOT EXISTS image_analyses_workspace ON image_analyses (workspace_id, video_id);

CREATE TABLE IF NOT EXISTS image_analysis_results (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    analysis_id   uuid NOT NULL REFERENCES image_analyses (id) ON DELETE CASCADE,
    variant       text NOT NULL CHECK (variant IN ('baseline', 'cmt')),
    type_label    text,
    type_conf     real,
    make_label    text,
    make_conf     real,
    model_label   text,
    model_conf    real,
    colors        jsonb,
    plate_text    text,
    plate_conf    real,
    evidence      jsonb,
    assets        jsonb,
    checkpoint    text,
    latency_ms    int,
    gflops        real,
    memory_usage  real,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (analysis_id, variant)
);

COMMIT;
