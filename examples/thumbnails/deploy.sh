#!/usr/bin/env bash
# Deploys build/thumbnails.zip with the AWS CLI, as one would on AWS; run again, it deploys the changed package.
set -euo pipefail
cd "$(dirname "$0")"
build=${BUILD:-build}

export AWS_ENDPOINT_URL="${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}"
export AWS_ACCESS_KEY_ID="${AWS_ACCESS_KEY_ID:-test}" AWS_SECRET_ACCESS_KEY="${AWS_SECRET_ACCESS_KEY:-test}"
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-us-east-1}" AWS_PAGER=""

if aws lambda get-function-configuration --function-name thumbnails >/dev/null 2>&1; then
  aws lambda update-function-code --function-name thumbnails --zip-file "fileb://$build/thumbnails.zip" >/dev/null
  aws lambda wait function-updated-v2 --function-name thumbnails
else
  aws lambda create-function --function-name thumbnails --runtime "$(cat "$build/runtime")" --handler app.handler \
    --memory-size 512 --timeout 30 --role arn:aws:iam::000000000000:role/thumbnails --zip-file "fileb://$build/thumbnails.zip" >/dev/null
  aws lambda wait function-active-v2 --function-name thumbnails
fi
echo "deployed: thumbnails"
