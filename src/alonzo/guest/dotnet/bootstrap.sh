#!/bin/sh
# Starts a .NET function: bootstrap.sh CLIENT DOTNET ARGUMENT... What is executed, and what is said and exited with when it cannot be,
# is as in AWS's runtime (https://github.com/aws/aws-lambda-dotnet, Amazon.Lambda.RuntimeSupport/bootstrap.sh).

client=$1
shift

fail() {
  echo "Error: $2" 1>&2
  exit "$1"
}

# The one file of a kind in the package, whatever it is called.
only() {
  set -- "$LAMBDA_TASK_ROOT"/*"$1"
  if [ $# -eq 1 ] && [ -f "$1" ]; then echo "$1"; fi
}

missing() {
  fail "$1" ".NET binaries for Lambda function are not correctly installed in the $LAMBDA_TASK_ROOT directory of the image when the image was built. The $LAMBDA_TASK_ROOT directory is missing the required $2 file."
}

DOTNET_ROOT=$(dirname "$1")
export DOTNET_ROOT

case $_HANDLER in
  *:*)
    assembly=${LAMBDA_DOTNET_MAIN_ASSEMBLY:-${_HANDLER%%:*}}
    assembly=${assembly%.dll}
    dependencies=$LAMBDA_TASK_ROOT/$assembly.deps.json
    [ -f "$dependencies" ] || dependencies=$(only .deps.json)
    [ -n "$dependencies" ] || missing 105 .deps.json
    configuration=$LAMBDA_TASK_ROOT/$assembly.runtimeconfig.json
    [ -f "$configuration" ] || configuration=$(only .runtimeconfig.json)
    [ -n "$configuration" ] || missing 106 .runtimeconfig.json
    if [ ! -f "$client" ]; then
      # A package may bring the client as a program of its own; as a library it cannot be started.
      own=$LAMBDA_TASK_ROOT/Amazon.Lambda.RuntimeSupport
      [ -f "$own.dll" ] && [ -f "$own.runtimeconfig.json" ] || fail 107 "class libraries need Amazon.Lambda.RuntimeSupport.dll as a program, which this machine does not have (see docs/differences.md of Alonzo)"
      client=$own.dll
    fi
    exec "$@" --depsfile "$dependencies" --runtimeconfig "$configuration" "$client" "$_HANDLER"
    ;;
  *)
    program=$LAMBDA_TASK_ROOT/$_HANDLER
    assembly=${program%.dll}.dll
    if [ -f "$assembly" ]; then
      exec "$@" "$assembly"
    elif [ -f "$program" ]; then
      exec "$program"
    fi
    fail 104 "executable assembly $assembly or binary $program not found."
    ;;
esac
