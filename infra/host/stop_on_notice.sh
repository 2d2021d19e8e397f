#!/bin/bash
# Waits until EC2 announces that this host will end (spot interruption, or scale-in of its group), then stops the workers: their
# messages are released, and another host continues. Run by cvitx-stop-on-notice.service.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html
set -uo pipefail

metadata=${CVITX_METADATA_URL:-http://169.254.169.254}
every_s=${CVITX_NOTICE_EVERY_S:-5}
units=(cvitx-yolo-video cvitx-main-model)

read_metadata() { # the value at a path; fails if there is none
    local token
    token=$(curl -sf -m 2 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" "$metadata/latest/api/token") || return 1
    curl -sf -m 2 -H "X-aws-ec2-metadata-token: $token" "$metadata/latest/meta-data/$1"
}

notice() { # prints why the host ends; fails while it does not
    local found
    if found=$(read_metadata spot/instance-action); then
        echo "spot interruption: $found"
    elif found=$(read_metadata autoscaling/target-lifecycle-state) && [[ $found == Terminated ]]; then
        echo "the auto-scaling group terminates this host"
    else
        return 1
    fi
}

until why=$(notice); do
    sleep "$every_s" &
    wait $! # so that SIGTERM ends the script at once
done
echo "$why: stopping ${units[*]}"
exec systemctl stop "${units[@]}"
