#!/bin/bash
# Installs one worker on a new Ubuntu host from an unpacked release, and starts it. Run by root, also by cloud-init; running it
# again replaces the code and api/.env. Needs the AWS CLI if DATABASE_PASSWORD_PARAMETER is set. docs/infrastructure.md describes the variables.
#
#   WORKER=yolo_worker BUCKET=… VIDEO_QUEUE=… SNAPSHOT_QUEUE=… DATABASE_URL=… [MODEL_STORE=s3://…]
#   [DATABASE_PASSWORD_PARAMETER=/…] [AWS_DEFAULT_REGION=…] [ROOT=/folder] bash install.sh RELEASE_FOLDER
#
# ROOT is put before every path that is written, for tests.
set -euo pipefail

release=${1:?usage: install.sh RELEASE_FOLDER}
root=${ROOT:-}
home=$root/home/ubuntu
python=${PYTHON:-python3}
: "${BUCKET:?}" "${VIDEO_QUEUE:?}" "${SNAPSHOT_QUEUE:?}" "${DATABASE_URL:?}"
region=${AWS_DEFAULT_REGION:-ap-southeast-2}
model_store=${MODEL_STORE:-}
password_parameter=${DATABASE_PASSWORD_PARAMETER:-}
case ${WORKER:?} in
    yolo_worker) unit=cvitx-yolo-video ;;
    main_worker) unit=cvitx-main-model ;;
    *) echo "WORKER=$WORKER: must be yolo_worker or main_worker" >&2; exit 2 ;;
esac
[[ -f $release/requirements.txt ]] || { echo "$release: has no requirements.txt, so it is no release" >&2; exit 2; }

check_python() {
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || {
        echo "$python: must be Python 3.11 or 3.12; set PYTHON to one" >&2
        exit 2
    }
}

install_code() {
    mkdir -p "$home/cvitx/api"
    rm -rf "$home/cvitx/video_analysis.new"
    cp -R "$release" "$home/cvitx/video_analysis.new"
    for bundle in yolo_worker/bundle main_worker/bundle; do # models that were put there by hand stay
        [[ -d $home/cvitx/video_analysis/$bundle ]] || continue
        rm -rf "$home/cvitx/video_analysis.new/$bundle" # not `cp -n`: coreutils 9.2 to 9.4 fail where a file exists
        cp -R "$home/cvitx/video_analysis/$bundle" "$home/cvitx/video_analysis.new/$bundle"
        cp -R "$release/$bundle/." "$home/cvitx/video_analysis.new/$bundle/"
    done
    rm -rf "$home/cvitx/video_analysis"
    mv "$home/cvitx/video_analysis.new" "$home/cvitx/video_analysis"
}

install_packages() {
    # Without python3-venv, `venv` fails and leaves a folder without pip.
    "$home/cvitx/api/.venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$home/cvitx/api/.venv"
    (cd "$home/cvitx/video_analysis" && "$home/cvitx/api/.venv/bin/python" -m pip install --disable-pip-version-check \
        --quiet -r requirements.txt -r requirements-metrics.txt)
}

write_settings() {
    {
        echo CVITX_ENV_OVERRIDES=1
        echo "CVITX_REGION=$region"
        echo "CVITX_S3_BUCKET=$BUCKET"
        echo "CVITX_VIDEO_QUEUE=$VIDEO_QUEUE"
        echo "CVITX_SNAPSHOT_QUEUE=$SNAPSHOT_QUEUE"
        echo "CVITX_DATABASE_URL=$DATABASE_URL"
        echo CVITX_METRICS_ADDRESS=127.0.0.1
        [[ -z $model_store || $model_store == s3:///* ]] || echo "CVITX_MODEL_STORE=$model_store"
        [[ -z $password_parameter ]] || echo PGPASSFILE=/home/ubuntu/.pgpass
    } | write "$home/cvitx/api/.env"
}

write_password() {
    [[ -n $password_parameter ]] || return 0
    local password
    password=$(aws ssm get-parameter --region "$region" --name "$password_parameter" --with-decryption \
        --query Parameter.Value --output text)
    password=${password//\\/\\\\}
    printf '*:*:*:*:%s\n' "${password//:/\\:}" | write "$home/.pgpass"
}

write() { # standard input to a file that only its owner can read
    (umask 077 && cat > "$1.new" && mv "$1.new" "$1")
}

start_services() {
    [[ -n $root ]] || chown -R ubuntu:ubuntu "$home/cvitx" # cloud-init runs as root
    [[ -n $root || ! -f $home/.pgpass ]] || chown ubuntu:ubuntu "$home/.pgpass"
    mkdir -p "$root/usr/local/sbin" "$root/etc/systemd/system"
    install -m 755 "$release/infra/host/stop_on_notice.sh" "$root/usr/local/sbin/cvitx-stop-on-notice"
    install -m 644 "$release/systemd/$unit.service" "$release/systemd/cvitx-stop-on-notice.service" "$root/etc/systemd/system/"
    systemctl daemon-reload
    systemctl enable cvitx-stop-on-notice "$unit"
    systemctl restart cvitx-stop-on-notice "$unit"
}

check_python
install_code
install_packages
write_settings
write_password
start_services
