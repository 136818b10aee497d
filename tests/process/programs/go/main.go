// A function in Go, with AWS's own library.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Name  string `json:"name"`
	Fails bool   `json:"fails"`
}

func handle(ctx context.Context, asked event) (map[string]any, error) {
	fmt.Println("asked by", asked.Name)
	if asked.Fails {
		return nil, errors.New("bad")
	}
	own, _ := lambdacontext.FromContext(ctx)
	_, hasDeadline := ctx.Deadline()
	return map[string]any{"hello": asked.Name, "arn": own.InvokedFunctionArn, "deadline": hasDeadline}, nil
}

func main() {
	lambda.Start(handle)
}
