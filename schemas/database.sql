-- The tables that both workers write. Idempotent: tables that fit are not touched.
-- The API owns `videos`: if it exists, only the two columns that the workers need are added.
-- `video_runs`, `stage_checkpoints` and `camera_settings` are optional: a worker whose role has no grant on them works without.
-- One transaction. Run it before workers of a new version start.
--
-- Tables that exist are compared with what the workers need first. If they differ, nothing is changed, and one error
-- lists each difference. `videos` may be in any schema of the search_path; the other tables belong to its first one.

BEGIN;
-- Adding a column waits for open transactions on its table and blocks others meanwhile: fail after a short time.
SET LOCAL lock_timeout = '20s';

DO $$
DECLARE
    -- Table, column, type, use. The number is the least length of a text type with a limit. Uses:
    --   written   the workers write values, or only read it    nullable  they also write null
    --   default   they leave it out of an INSERT               added     as nullable; it is added where it is missing
    -- A column that is added to existing and new tables is one more line here, with the use `added`.
    columns CONSTANT text := '
        videos                  id                      uuid         written
        videos                  workspace_id            uuid         written
        videos                  workspace_code          text         written
        videos                  camera_code             text         written
        videos                  s3_key_raw              text         written
        videos                  recorded_at             timestamptz  written
        videos                  frame_stride            integer      written
        videos                  status                  status       written
        videos                  attempt_state           text(20)     added
        videos                  error_code              text(40)     added
        videos                  error_msg               text(2000)   nullable
        videos                  updated_at              timestamp    written
        videos                  processing_started_at   timestamp    written
        videos                  processing_finished_at  timestamp    nullable
        image_analyses          id                      uuid         default
        image_analyses          workspace_id            uuid         written
        image_analyses          video_id                uuid         written
        image_analyses          workspace_code          text(23)     written
        image_analyses          camera_code             text(23)     written
        image_analyses          track_id                integer      written
        image_analyses          snapshot_s3_key         text(1100)   written
        image_analyses          recorded_at             timestamptz  nullable
        image_analyses          detected_in_ms          bigint       written
        image_analyses          detected_at             timestamptz  nullable
        image_analyses          yolo_type               text(20)     written
        image_analyses          status                  status       written
        image_analyses          detected_box            jsonb        added
        image_analyses          run_key                 text(64)     added
        image_analyses          run_id                  uuid         added
        image_analyses          attempt_state           text(20)     added
        image_analyses          error_code              text(40)     added
        image_analyses          error_msg               text(2000)   nullable
        image_analyses          created_at              timestamptz  default
        image_analyses          updated_at              timestamptz  default
        image_analysis_results  id                      uuid         default
        image_analysis_results  analysis_id             uuid         written
        image_analysis_results  variant                 text(20)     written
        image_analysis_results  type_label              text(100)    nullable
        image_analysis_results  type_conf               real         nullable
        image_analysis_results  make_label              text(100)    nullable
        image_analysis_results  make_conf               real         nullable
        image_analysis_results  model_label             text(100)    nullable
        image_analysis_results  model_conf              real         nullable
        image_analysis_results  colors                  jsonb        nullable
        image_analysis_results  plate_text              text(100)    nullable
        image_analysis_results  plate_conf              real         nullable
        image_analysis_results  evidence                jsonb        written
        image_analysis_results  assets                  jsonb        written
        image_analysis_results  checkpoint              text(120)    written
        image_analysis_results  latency_ms              integer      written
        image_analysis_results  gflops                  real         nullable
        image_analysis_results  memory_usage            real         written
        image_analysis_results  created_at              timestamptz  default
        image_analysis_results  updated_at              timestamptz  default
        video_runs              id                      uuid         written
        video_runs              video_id                uuid         written
        video_runs              workspace_id            uuid         written
        video_runs              run_key                 text(64)     nullable
        video_runs              run_type                text(20)     written
        video_runs              parent_run_id           uuid         nullable
        video_runs              root_run_id             uuid         written
        video_runs              replay_from_stage       text(20)     nullable
        video_runs              config_overrides        jsonb        nullable
        video_runs              config_snapshot         jsonb        nullable
        video_runs              code_version            text(40)     nullable
        video_runs              status                  text(20)     written
        video_runs              requested               text(20)     nullable
        video_runs              current_stage           text(20)     nullable
        video_runs              progress                real         nullable
        video_runs              frames_done             bigint       nullable
        video_runs              frames_total            bigint       nullable
        video_runs              fps                     real         nullable
        video_runs              eta_s                   real         nullable
        video_runs              vehicles                integer      nullable
        video_runs              attempts                integer      written
        video_runs              message_id              text(100)    nullable
        video_runs              message_ids             jsonb        added
        video_runs              source_etag             text(100)    added
        video_runs              source_bytes            bigint       added
        video_runs              worker                  text(300)    nullable
        video_runs              error_code              text(40)     nullable
        video_runs              error_msg               text(2000)   nullable
        video_runs              created_at              timestamptz  default
        video_runs              started_at              timestamptz  nullable
        video_runs              updated_at              timestamptz  default
        video_runs              completed_at            timestamptz  nullable
        stage_checkpoints       run_id                  uuid         written
        stage_checkpoints       stage                   text(20)     written
        stage_checkpoints       part                    integer      written
        stage_checkpoints       first_frame             bigint       written
        stage_checkpoints       last_frame              bigint       written
        stage_checkpoints       first_offset_ms         bigint       written
        stage_checkpoints       last_offset_ms          bigint       written
        stage_checkpoints       s3_key                  text(1024)   written
        stage_checkpoints       bytes                   bigint       written
        stage_checkpoints       sha256                  text(64)     written
        stage_checkpoints       source_etag             text(100)    written
        stage_checkpoints       source_bytes            bigint       written
        stage_checkpoints       traits_hash             text(64)     written
        stage_checkpoints       created_at              timestamptz  default
        camera_settings         workspace_id            uuid         written
        camera_settings         camera_code             text(23)     written
        camera_settings         overrides               jsonb        written
        camera_settings         updated_at              timestamptz  default
    ';
    -- Types that work in place of the needed one.
    substitutes CONSTANT jsonb := '{"uuid": "{uuid}", "text": "{text,varchar}", "jsonb": "{jsonb,json}",
        "integer": "{integer,bigint,smallint}", "bigint": "{bigint,integer}", "real": "{real,float8,numeric}",
        "timestamptz": "{timestamptz}", "timestamp": "{timestamp,timestamptz}"}';
    -- Labels that a status must have: in an existing table those that the workers write, in an existing type all.
    written CONSTANT jsonb := '{"videos": "{queued,processing,done,error}",
        "image_analyses": "{queued,processing,done,error}"}';
    video_labels CONSTANT text[] := '{uploaded,queued,processing,done,error}';
    analysis_labels CONSTANT text[] := '{queued,processing,done,error}';
    -- Unique keys, for ON CONFLICT and foreign keys, their columns in alphabetical order. Any other unique key must
    -- contain one of them, or it would refuse rows of a second run. The index of track_key is created if it is missing.
    keys CONSTANT jsonb := '{"image_analyses": ["{id}", "{snapshot_s3_key}", "{run_key,track_id,video_id}"],
        "image_analysis_results": ["{id}", "{analysis_id,variant}"], "video_runs": ["{id}"],
        "stage_checkpoints": ["{part,run_id,stage}"], "camera_settings": ["{camera_code,workspace_id}"]}';
    track_key CONSTANT text[] := '{run_key,track_id,video_id}';
    open_run CONSTANT text := 'video_runs_open';  -- the one partial key that is ours
    old_open_run CONSTANT text := 'video_runs_one_open';  -- without the workspace; it is replaced

    own text := quote_ident(current_schema()) || '.';  -- null if no schema of the search_path exists
    relations jsonb;  -- table: its oid, null if it does not exist
    differences text;
    addition record;
BEGIN
    IF own IS NULL THEN
        RAISE EXCEPTION 'search_path is "%": none of its schemas exists', current_setting('search_path');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('video_analysis schemas/database.sql'));  -- two hosts may run it at once
    relations := jsonb_build_object(
        'videos', to_regclass('videos')::oid,
        'image_analyses', to_regclass(own || 'image_analyses')::oid,
        'image_analysis_results', to_regclass(own || 'image_analysis_results')::oid,
        'video_runs', to_regclass(own || 'video_runs')::oid,
        'stage_checkpoints', to_regclass(own || 'stage_checkpoints')::oid,
        'camera_settings', to_regclass(own || 'camera_settings')::oid);

    -- 1. Compare the tables that exist with what is needed.
    WITH needed AS (
        SELECT f[1] AS table_name, f[2] AS name, substring(f[3] FROM '[a-z]+') AS type, f[4] AS use,
            substring(f[3] FROM '[0-9]+')::int AS length, (relations ->> f[1])::oid AS relation
        FROM regexp_split_to_table(btrim(columns, E' \n'), ' *\n *') AS line
        CROSS JOIN LATERAL regexp_split_to_array(line, ' +') AS f
        WHERE relations ->> f[1] IS NOT NULL
    ), present AS (
        SELECT r.table_name, attname AS name, type, use, length, attnotnull, atttypid, atttypmod - 4 AS limit_chars,
            format_type(atttypid, atttypmod) AS actual, coalesce(nullif(typbasetype, 0), atttypid)::regtype AS base,
            ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = atttypid ORDER BY enumsortorder) AS labels,
            atthasdef OR attidentity <> '' OR EXISTS (  -- a trigger before INSERT may set it
                SELECT FROM pg_trigger WHERE tgrelid = attrelid AND tgtype & 7 = 7 AND NOT tgisinternal) AS is_set
        FROM jsonb_each_text(relations) AS r (table_name, relation)
        JOIN pg_attribute ON attrelid = r.relation::oid AND attnum > 0 AND NOT attisdropped
        JOIN pg_type ON pg_type.oid = atttypid
        LEFT JOIN needed ON needed.relation = attrelid AND needed.name = attname
    ), unique_keys AS (
        SELECT table_name, indexrelid::regclass AS index, ARRAY(
                SELECT attname::text FROM pg_attribute
                WHERE attrelid = indrelid AND attnum = ANY ((indkey::int[])[0 : indnkeyatts - 1]) ORDER BY 1) AS names,
            indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL AS is_usable
        FROM jsonb_each_text(relations) AS r (table_name, relation)
        JOIN pg_index ON indrelid = relation::oid AND indisunique
    ), needed_keys AS (
        SELECT table_name, names::text[] FROM jsonb_each(keys) AS k (table_name, list)
        CROSS JOIN LATERAL jsonb_array_elements_text(list) AS names
        WHERE relations ->> table_name IS NOT NULL
    ), difference (place, actual, needed) AS (
        SELECT table_name, 'a view or a foreign table', 'a table'
        FROM jsonb_each_text(relations) AS r (table_name, relation)
        JOIN pg_class ON oid = relation::oid AND relkind NOT IN ('r', 'p')
        UNION ALL
        SELECT table_name || '.' || name, 'nothing', type FROM needed
        WHERE use <> 'added' AND (table_name, name) NOT IN (SELECT table_name, name FROM present)
        UNION ALL
        SELECT table_name || '.' || name, actual, type FROM present
        WHERE type <> 'status' AND base <> ALL ((substitutes ->> type)::regtype[])
        UNION ALL
        SELECT table_name || '.' || name, actual, format('%s or varchar(%s)', type, length) FROM present
        WHERE base = 'varchar'::regtype AND limit_chars BETWEEN 1 AND length - 1
        UNION ALL
        SELECT table_name || '.' || name, concat_ws(' ', actual, nullif(labels, '{}')),
            'an enum with ' || written_labels
        FROM present CROSS JOIN LATERAL (SELECT written ->> table_name) AS w (written_labels)
        WHERE type = 'status' AND NOT labels @> written_labels::text[]
            AND NOT (table_name = 'videos' AND base IN ('text'::regtype, 'varchar'::regtype))
        UNION ALL
        SELECT table_name || '.' || name, actual, 'analysis_status_enum' FROM present
        WHERE type = 'status' AND table_name = 'image_analyses' AND labels @> analysis_labels
            AND atttypid IS DISTINCT FROM to_regtype('analysis_status_enum')
        UNION ALL
        SELECT name, array_agg(enumlabel ORDER BY enumsortorder)::text, labels::text
        FROM (VALUES ('videos', 'video_status_enum', video_labels),
            ('image_analyses', 'analysis_status_enum', analysis_labels)) AS t (table_name, name, labels)
        JOIN pg_enum ON enumtypid = to_regtype(own || name)
        WHERE relations ->> table_name IS NULL
        GROUP BY name, labels HAVING NOT array_agg(enumlabel::text) @> labels
        UNION ALL
        SELECT table_name || '.' || name, 'NOT NULL', 'nullable' FROM present
        WHERE use IN ('nullable', 'added') AND attnotnull
        UNION ALL
        SELECT table_name || '.' || name, 'NOT NULL without a default', 'nullable, or a default' FROM present
        WHERE table_name <> 'videos' AND coalesce(use = 'default', true) AND attnotnull AND NOT is_set
        UNION ALL
        SELECT table_name || ' ' || translate(names::text, '{}', '()'), 'no unique key', 'one' FROM needed_keys
        WHERE names <> track_key AND NOT EXISTS (
            SELECT FROM unique_keys AS u
            WHERE is_usable AND u.table_name = needed_keys.table_name AND u.names = needed_keys.names)
        UNION ALL
        SELECT table_name || ' ' || translate(names::text, '{}', '()'), 'the unique key ' || index, 'none'
        FROM unique_keys WHERE table_name <> 'videos' AND index IS DISTINCT FROM to_regclass(own || open_run)
            AND index IS DISTINCT FROM to_regclass(own || old_open_run) AND NOT EXISTS (
            SELECT FROM needed_keys AS n WHERE n.table_name = unique_keys.table_name AND n.names <@ unique_keys.names)
        UNION ALL
        SELECT 'image_analyses_one_per_track', 'another or an invalid index', 'a unique one of ' || track_key::text
        WHERE to_regclass(own || 'image_analyses_one_per_track') IS NOT NULL AND NOT EXISTS (
            SELECT FROM unique_keys WHERE table_name = 'image_analyses' AND is_usable AND names = track_key)
    )
    SELECT string_agg(format('%s: found %s, needed %s', place, actual, needed), E'\n' ORDER BY place, actual)
    INTO differences FROM difference;
    IF differences IS NOT NULL THEN
        RAISE EXCEPTION 'tables or types that exist differ from what the workers need; nothing was changed'
            USING DETAIL = differences, HINT = 'If they belong to another program, rename them or use another schema:'
                ' docs/deploy.md, Tables of another program.';
    END IF;

    -- 2. Create what is missing.
    IF relations ->> 'videos' IS NULL THEN
        IF to_regtype(own || 'video_status_enum') IS NULL THEN
            CREATE TYPE video_status_enum AS ENUM ('uploaded', 'queued', 'processing', 'done', 'error');
        END IF;
        CREATE TABLE videos (
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
    END IF;
    IF relations ->> 'image_analyses' IS NULL THEN
        IF to_regtype(own || 'analysis_status_enum') IS NULL THEN
            CREATE TYPE analysis_status_enum AS ENUM ('queued', 'processing', 'done', 'error');
        END IF;
        CREATE TABLE image_analyses (
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
    END IF;
    IF relations ->> 'image_analysis_results' IS NULL THEN
        CREATE TABLE image_analysis_results (
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
    END IF;
    IF relations ->> 'video_runs' IS NULL THEN
        CREATE TABLE video_runs (
            id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            video_id           uuid NOT NULL,
            workspace_id       uuid NOT NULL,
            run_key            text,
            run_type           text NOT NULL CHECK (run_type IN ('initial', 'replay', 'retry')),
            parent_run_id      uuid,
            root_run_id        uuid NOT NULL,
            replay_from_stage  text CHECK (replay_from_stage IN ('detect', 'track', 'select')),
            config_overrides   jsonb,
            config_snapshot    jsonb,
            code_version       text,
            status             text NOT NULL DEFAULT 'pending'
                CHECK (status IN ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
            requested          text CHECK (requested IN ('pause', 'cancel')),
            current_stage      text,
            progress           real CHECK (progress BETWEEN 0 AND 1),
            frames_done        bigint,
            frames_total       bigint,
            fps                real,
            eta_s              real,
            vehicles           int,
            attempts           int NOT NULL DEFAULT 0,
            message_id         text,
            worker             text,
            error_code         text,
            error_msg          text,
            created_at         timestamptz NOT NULL DEFAULT now(),
            started_at         timestamptz,
            updated_at         timestamptz NOT NULL DEFAULT now(),
            completed_at       timestamptz
        );
        CREATE INDEX video_runs_video ON video_runs (video_id, created_at);
    END IF;
    IF relations ->> 'stage_checkpoints' IS NULL THEN
        CREATE TABLE stage_checkpoints (
            run_id           uuid NOT NULL,
            stage            text NOT NULL CHECK (stage = 'detect'),
            part             int NOT NULL CHECK (part >= 0),
            first_frame      bigint NOT NULL,
            last_frame       bigint NOT NULL,
            first_offset_ms  bigint NOT NULL,
            last_offset_ms   bigint NOT NULL,
            s3_key           text NOT NULL,
            bytes            bigint NOT NULL,
            sha256           text NOT NULL,
            source_etag      text NOT NULL,
            source_bytes     bigint NOT NULL,
            traits_hash      text NOT NULL,
            created_at       timestamptz NOT NULL DEFAULT now(),
            UNIQUE (run_id, stage, part)
        );
    END IF;
    IF relations ->> 'camera_settings' IS NULL THEN
        CREATE TABLE camera_settings (
            workspace_id  uuid NOT NULL,
            camera_code   text NOT NULL,
            overrides     jsonb NOT NULL,
            updated_at    timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (workspace_id, camera_code)
        );
    END IF;
    IF to_regclass(own || open_run) IS NULL THEN
        CREATE UNIQUE INDEX video_runs_open ON video_runs (workspace_id, video_id)
            WHERE run_type <> 'replay' AND status IN ('pending', 'running', 'paused');
    END IF;
    EXECUTE 'DROP INDEX IF EXISTS ' || own || old_open_run;
    IF to_regclass(own || 'video_runs_current') IS NULL THEN  -- for current_image_analyses
        CREATE INDEX video_runs_current
            ON video_runs (video_id, workspace_id, (status = 'completed') DESC, created_at DESC, id);
    END IF;
    IF to_regclass(own || 'video_runs_newest') IS NULL THEN
        CREATE INDEX video_runs_newest ON video_runs (created_at DESC, id);
    END IF;
    IF to_regclass(own || 'video_runs_workspace') IS NULL THEN
        CREATE INDEX video_runs_workspace ON video_runs (workspace_id, created_at DESC, id);
    END IF;
    IF to_regclass(own || 'video_runs_uncompleted') IS NULL THEN
        CREATE INDEX video_runs_uncompleted ON video_runs (status, created_at DESC, id) WHERE status <> 'completed';
    END IF;
    IF to_regclass(own || 'stage_checkpoints_created') IS NULL THEN  -- for their deletion by age
        CREATE INDEX stage_checkpoints_created ON stage_checkpoints (created_at);
    END IF;
    FOR addition IN
        SELECT f[1] AS table_name, f[2] AS name, substring(f[3] FROM '[a-z]+') AS type
        FROM regexp_split_to_table(btrim(columns, E' \n'), ' *\n *') AS line
        CROSS JOIN LATERAL regexp_split_to_array(line, ' +') AS f
        WHERE f[4] = 'added' AND NOT EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = f[1]::regclass AND attname = f[2] AND NOT attisdropped)
    LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN %I %s', addition.table_name, addition.name, addition.type);
    END LOOP;
    IF to_regclass(own || 'image_analyses_one_per_track') IS NULL THEN
        CREATE UNIQUE INDEX image_analyses_one_per_track ON image_analyses (video_id, run_key, track_id);
    END IF;
    IF to_regclass(own || 'image_analyses_newest') IS NULL THEN  -- for current_image_analyses
        CREATE INDEX image_analyses_newest ON image_analyses (video_id, created_at DESC, id) WHERE run_key IS NOT NULL;
    END IF;
    IF to_regclass(own || 'image_analyses_unrecorded') IS NULL THEN  -- likewise; the workers' new rows are not in it
        CREATE INDEX image_analyses_unrecorded ON image_analyses (video_id, created_at DESC, id)
            WHERE run_key IS NOT NULL AND run_id IS NULL;
    END IF;
    IF to_regclass(own || 'image_analyses_workspace') IS NULL THEN
        CREATE INDEX image_analyses_workspace ON image_analyses (workspace_id, video_id);
    END IF;

    -- 3. Create the views. Their columns follow those of the tables. A video's current rows are those of its newest
    -- completed run; else those of an older release, which had no runs: with the key of the newest row that no run
    -- inserted, unless a run has this key; else those of its newest run; else the newest ones.
    IF EXISTS (
        SELECT FROM pg_attribute AS a WHERE attrelid = 'image_analyses'::regclass AND attnum > 0 AND NOT attisdropped
            AND NOT EXISTS (SELECT FROM pg_attribute AS v
                WHERE v.attrelid = to_regclass(own || 'current_image_analyses') AND v.attname = a.attname))
        OR pg_get_viewdef(to_regclass(own || 'current_image_analyses')) NOT LIKE '%run_id IS NULL%' THEN
        CREATE OR REPLACE VIEW current_image_analyses AS
        SELECT a.* FROM image_analyses AS a
        WHERE a.run_key IS NULL OR a.run_key = coalesce(
            (SELECT r.run_key FROM video_runs AS r
                WHERE r.video_id = a.video_id AND r.workspace_id = a.workspace_id AND r.status = 'completed'
                ORDER BY r.created_at DESC, r.id LIMIT 1),
            (SELECT o.run_key FROM (
                    SELECT b.run_key FROM image_analyses AS b
                    WHERE b.video_id = a.video_id AND b.workspace_id = a.workspace_id
                        AND b.run_key IS NOT NULL AND b.run_id IS NULL
                    ORDER BY b.created_at DESC, b.id LIMIT 1) AS o
                WHERE NOT EXISTS (SELECT FROM video_runs AS r
                    WHERE r.video_id = a.video_id AND r.workspace_id = a.workspace_id AND r.run_key = o.run_key)),
            (SELECT r.run_key FROM video_runs AS r WHERE r.video_id = a.video_id AND r.workspace_id = a.workspace_id
                ORDER BY r.status = 'completed' DESC, r.created_at DESC, r.id LIMIT 1),
            (SELECT b.run_key FROM image_analyses AS b
                WHERE b.video_id = a.video_id AND b.workspace_id = a.workspace_id AND b.run_key IS NOT NULL
                ORDER BY b.created_at DESC, b.id LIMIT 1));
    END IF;
    IF coalesce(pg_get_viewdef(to_regclass(own || 'analysis_progress')) NOT LIKE '%a.workspace_id%', true) THEN
        CREATE OR REPLACE VIEW analysis_progress AS
        SELECT run_id, video_id, workspace_id, variant, expected, ok + error AS processed, ok, error, started, last,
            CASE WHEN status = 'completed' AND ok + error = expected THEN coalesce(last, completed_at) END AS finished
        FROM (
            SELECT r.id AS run_id, r.video_id, r.workspace_id, r.status, r.completed_at, v.variant,
                count(a.id) AS expected, count(s.id) AS ok,
                count(a.id) FILTER (WHERE s.id IS NULL AND a.status = 'error') AS error,
                min(a.created_at) AS started,
                max(coalesce(s.updated_at, CASE WHEN a.status = 'error' THEN a.updated_at END)) AS last
            FROM video_runs AS r
            CROSS JOIN (VALUES ('baseline'), ('cmt')) AS v (variant)
            LEFT JOIN image_analyses AS a
                ON a.video_id = r.video_id AND a.workspace_id = r.workspace_id AND a.run_key = r.run_key
            LEFT JOIN image_analysis_results AS s ON s.analysis_id = a.id AND s.variant = v.variant
            GROUP BY r.id, r.video_id, r.workspace_id, r.status, r.completed_at, v.variant
            HAVING v.variant = 'baseline' OR count(s.id) > 0
        ) AS counted;
    END IF;
END $$;

COMMIT;
