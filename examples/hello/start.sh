#!/usr/bin/env bash
# Starts Alonzo in the foreground with this function deployed, and prints what to try (`make run`). Needs alonzo and aws on PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${PORT:-4566}
endpoint=http://127.0.0.1:$port

is_ready() {
  python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)' "$endpoint/health" 2>/dev/null
}

deploy_and_announce() {
  until is_ready; do
    kill -0 $$ 2>/dev/null || exit 0 # alonzo did not start, and has said why
    sleep 0.1
  done
  RUNTIME=$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])') AWS_ENDPOINT_URL=$endpoint "$here/deploy.sh" >/dev/null
  cat <<EOF

Alonzo is running at $endpoint, and the function "hello" (examples/hello/app.py) is deployed.
Paste into another terminal:

  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
  export PATH="$root/.venv/bin:\$PATH"

  aws --endpoint-url $endpoint lambda invoke --function-name hello /dev/stdout
  alonzo invoke hello --payload '{"name": "Ada"}' --tail --endpoint-url $endpoint
  alonzo logs hello --follow --endpoint-url $endpoint
  python -c "import boto3; print(boto3.client('lambda', endpoint_url='$endpoint').invoke(FunctionName='hello')['Payload'].read().decode())"

To deploy a change of the function: AWS_ENDPOINT_URL=$endpoint examples/hello/deploy.sh
To stop: Ctrl-C here. What is deployed stays in $root/.alonzo and is there at the next start.

EOF
}

if is_ready; then
  echo "Something answers at $endpoint already. Stop it, or take another port: make run PORT=4567" >&2
  exit 1
fi
deploy_and_announce &
exec alonzo up --port "$port" --data-dir "$root/.alonzo"
