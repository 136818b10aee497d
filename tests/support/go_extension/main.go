// An external extension as AWS's documentation describes it: registers, subscribes to telemetry, tells on its
// standard output of every event and of every record of the platform.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

var api = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")

func call(method, path string, body any, headers map[string]string) (http.Header, map[string]any) {
	encoded, _ := json.Marshal(body)
	request, err := http.NewRequest(method, api+path, bytes.NewReader(encoded))
	if err != nil {
		panic(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	if response.StatusCode != 200 {
		panic(fmt.Sprintf("%s %d %s", path, response.StatusCode, content))
	}
	var decoded map[string]any
	_ = json.Unmarshal(content, &decoded)
	return response.Header, decoded
}

func listen() {
	http.HandleFunc("/telemetry", func(_ http.ResponseWriter, request *http.Request) {
		var records []map[string]any
		if err := json.NewDecoder(request.Body).Decode(&records); err != nil {
			panic(err)
		}
		for _, record := range records {
			if kind := record["type"].(string); kind == "function" || strings.HasPrefix(kind, "platform.") {
				content, _ := json.Marshal(record["record"])
				fmt.Printf("go got %s %s\n", kind, content)
			}
		}
	})
	panic(http.ListenAndServe("sandbox.localdomain:"+os.Getenv("TELEMETRY_PORT"), nil))
}

func main() {
	go listen()
	name := map[string]string{"Lambda-Extension-Name": filepath.Base(os.Args[0])}
	headers, function := call("POST", "/2020-01-01/extension/register", map[string]any{"events": []string{"INVOKE", "SHUTDOWN"}}, name)
	me := map[string]string{"Lambda-Extension-Identifier": headers.Get("Lambda-Extension-Identifier")}
	fmt.Printf("go registered with %s %s\n", function["functionName"], function["functionVersion"])
	call("PUT", "/2022-07-01/telemetry", map[string]any{
		"schemaVersion": "2022-12-13",
		"types":         []string{"platform", "function"},
		"buffering":     map[string]int{"timeoutMs": 25},
		"destination":   map[string]string{"protocol": "HTTP", "URI": "http://sandbox.localdomain:" + os.Getenv("TELEMETRY_PORT") + "/telemetry"},
	}, me)
	for {
		_, event := call("GET", "/2020-01-01/extension/event/next", nil, me)
		fmt.Printf("go was told %s %v\n", event["eventType"], event["shutdownReason"])
		if event["eventType"] == "SHUTDOWN" {
			return
		}
	}
}
