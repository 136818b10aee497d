// Every behaviour of the suite, in Go with AWS's own library. `_HANDLER` says which handler this is.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type asked struct {
	Do      string   `json:"do"`
	Path    string   `json:"path"`
	Message string   `json:"message"`
	Seconds float64  `json:"seconds"`
	Token   string   `json:"token"`
	Status  int      `json:"status"`
	Bytes   int      `json:"bytes"`
	Program string   `json:"program"`
	Parts   []string `json:"parts"`
	PauseMs int      `json:"pause_ms"`
	Fails   bool     `json:"fails"`
}

type noWeather struct{ message string }

func (problem *noWeather) Error() string { return problem.message }

var calls = 0

func echo(event json.RawMessage) (json.RawMessage, error) {
	return event, nil
}

func act(ctx context.Context, event asked) (any, error) {
	switch event.Do {
	case "context":
		return describe(ctx), nil
	case "environment":
		return environment(), nil
	case "directory":
		return os.Getwd()
	case "write":
		if os.WriteFile(event.Path, []byte("written"), 0o644) != nil {
			return "refused", nil
		}
		return "written", nil
	case "read":
		content, err := os.ReadFile(event.Path)
		return string(content), err
	case "count":
		return count()
	case "fail":
		return nil, &noWeather{event.Message}
	case "panic":
		panic(event.Message)
	case "wait":
		time.Sleep(time.Duration(event.Seconds * float64(time.Second)))
		return event.Token, nil
	case "exit":
		os.Exit(event.Status)
	case "kill":
		return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "log":
		fmt.Println("to stdout ☔ 𝄞")
		fmt.Fprintln(os.Stderr, "to stderr")
		fmt.Println("first line\nsecond line")
		return nil, nil
	case "fill":
		return strings.Repeat("x", event.Bytes), nil
	case "run":
		output, err := exec.Command(event.Program).Output()
		return string(output), err
	}
	return nil, errors.New("not one of the suite's: " + event.Do)
}

func unserializable() (any, error) {
	return make(chan int), nil
}

func describe(ctx context.Context) map[string]any {
	own, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	seen := map[string]any{
		"request_id":   own.AwsRequestID,
		"name":         lambdacontext.FunctionName,
		"version":      lambdacontext.FunctionVersion,
		"arn":          own.InvokedFunctionArn,
		"memory":       lambdacontext.MemoryLimitInMB,
		"remaining_ms": time.Until(deadline).Milliseconds(),
		"log_group":    lambdacontext.LogGroupName,
		"log_stream":   lambdacontext.LogStreamName,
		"trace":        os.Getenv("_X_AMZN_TRACE_ID"),
		"client":       nil,
		"identity":     nil,
	}
	if own.ClientContext.Client.AppTitle != "" {
		seen["client"] = map[string]any{"app_title": own.ClientContext.Client.AppTitle, "custom": own.ClientContext.Custom}
	}
	if own.Identity.CognitoIdentityID != "" {
		seen["identity"] = own.Identity.CognitoIdentityID
	}
	return seen
}

func environment() map[string]string {
	seen := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		seen[name] = value
	}
	return seen
}

func count() (any, error) {
	calls++
	file, err := os.OpenFile("/tmp/count", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err = file.WriteString("x"); err != nil {
		return nil, err
	}
	status, err := file.Stat()
	return map[string]int64{"global": int64(calls), "tmp": status.Size()}, err
}

// A reader is streamed as it comes (https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html).
func stream(event asked) (io.Reader, error) {
	reader, writer := io.Pipe()
	go func() {
		for _, part := range event.Parts {
			writer.Write([]byte(part))
			time.Sleep(time.Duration(event.PauseMs) * time.Millisecond)
		}
		if event.Fails {
			writer.CloseWithError(&noWeather{"on the way"})
		} else {
			writer.Close()
		}
	}()
	return reader, nil
}

func main() {
	switch os.Getenv("_HANDLER") {
	case "echo":
		lambda.Start(echo)
	case "act":
		lambda.Start(act)
	case "unserializable":
		lambda.Start(unserializable)
	case "stream":
		lambda.Start(stream)
	default:
		panic("no weather at all")
	}
}
