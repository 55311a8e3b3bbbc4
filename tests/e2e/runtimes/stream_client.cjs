// Invokes the function `stream` with AWS's SDK for JavaScript and writes each event of its stream as a line of JSON:
// node stream_client.cjs FOLDER-OF-MODULES URL PAYLOAD
const { createRequire } = require('node:module')
const path = require('node:path')

const [modules, endpoint, payload] = process.argv.slice(2)
const { LambdaClient, InvokeWithResponseStreamCommand } =
  createRequire(path.join(modules, 'any.js'))('@aws-sdk/client-lambda')

async function main () {
  const credentials = { accessKeyId: 'false', secretAccessKey: 'false' }
  const client = new LambdaClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
  const answer = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: 'stream', Payload: payload }))
  for await (const event of answer.EventStream) {
    const piece = event.PayloadChunk && Buffer.from(event.PayloadChunk.Payload).toString()
    console.log(JSON.stringify(piece === undefined ? event : { piece }))
  }
}

main()
