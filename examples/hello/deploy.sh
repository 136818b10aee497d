#!/usr/bin/env bash
# Deploys this function with the AWS CLI, as one would on AWS; run again, it deploys the changed code.
set -euo pipefail
cd "$(dirname "$0")"

export AWS_ENDPOINT_URL="${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}"
export AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID:-test}" AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY:-test}"
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-us-east-1}" AWS_PAGER=""

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
python3 -m zipfile -c "$build/hello.zip" app.py

if aws lambda get-function-configuration --function-name hello >/dev/null 2>&1; then
  aws lambda update-function-code --function-name hello --zip-file "fileb://$build/hello.zip" >/dev/null
  aws lambda wait function-updated-v2 --function-name hello
else
  aws lambda create-function --function-name hello --runtime "${RUNTIME:-python3.12}" --handler app.handler \
    --role arn:aws:iam::000000000000:role/hello --zip-file "fileb://$build/hello.zip" >/dev/null
  aws lambda wait function-active-v2 --function-name hello
fi
echo "deployed: hello"
