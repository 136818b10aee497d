// A function as it would be written for AWS: nothing here says where the services are.
package main

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// All three were made before.
type Event struct {
	Bucket, Queue, Table string
	Size                 int
}

type Answer struct {
	Region  string `json:"region"`
	Size    int    `json:"size"`
	Same    bool   `json:"same"`
	Message string `json:"message"`
	Item    string `json:"item"`
}

type services struct {
	region   string
	s3       *s3.Client
	sqs      *sqs.Client
	dynamodb *dynamodb.Client
}

func (its services) handle(ctx context.Context, event Event) (answer Answer, err error) {
	answer.Region = its.region
	if err = its.store(ctx, event, &answer); err != nil {
		return
	}
	if err = its.exchange(ctx, event, &answer); err != nil {
		return
	}
	err = its.keep(ctx, event, &answer)
	return
}

func (its services) store(ctx context.Context, event Event, answer *Answer) error {
	bucket, key, content := aws.String(event.Bucket), aws.String("a key/ü"), []byte(strings.Repeat("x", event.Size))
	_, err := its.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(content)})
	if err != nil {
		return err
	}
	object, err := its.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	defer object.Body.Close()
	read, err := io.ReadAll(object.Body)
	answer.Size, answer.Same = len(read), bytes.Equal(read, content)
	return err
}

func (its services) exchange(ctx context.Context, event Event, answer *Answer) error {
	queue, err := its.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(event.Queue)})
	if err != nil {
		return err
	}
	_, err = its.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("from inside")})
	if err != nil {
		return err
	}
	received, err := its.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 5})
	if err != nil {
		return err
	}
	for _, message := range received.Messages {
		answer.Message += *message.Body
	}
	return nil
}

func (its services) keep(ctx context.Context, event Event, answer *Answer) error {
	table, id := aws.String(event.Table), &types.AttributeValueMemberS{Value: "1"}
	said := &types.AttributeValueMemberS{Value: "from inside"}
	_, err := its.dynamodb.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: map[string]types.AttributeValue{"id": id, "said": said}})
	if err != nil {
		return err
	}
	found, err := its.dynamodb.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: map[string]types.AttributeValue{"id": id}})
	if err != nil {
		return err
	}
	answer.Item = found.Item["said"].(*types.AttributeValueMemberS).Value
	return nil
}

func main() {
	settings, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	its := services{settings.Region, s3.NewFromConfig(settings), sqs.NewFromConfig(settings), dynamodb.NewFromConfig(settings)}
	lambda.Start(its.handle)
}
