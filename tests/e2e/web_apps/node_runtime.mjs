// A Lambda runtime for the echo application in Node.js, behind the adapter that the arguments name:
// node node_runtime.mjs FOLDER-OF-MODULES ADAPTER
import { createRequire } from 'node:module'
import path from 'node:path'

const [modules, adapter] = process.argv.slice(2)
const load = createRequire(path.join(modules, 'any.js'))

function app (request, response) {
  const pieces = []
  request.on('data', (piece) => pieces.push(piece))
  request.once('end', () => { // serverless-http says twice that an empty body has ended
    const body = Buffer.concat(pieces)
    const at = request.url.indexOf('?')
    const raw = at < 0 ? request.url : request.url.slice(0, at)
    const query = at < 0 ? '' : request.url.slice(at + 1)
    response.statusCode = 201
    response.setHeader('Set-Cookie', ['first=1; Path=/', 'second=a=b'])
    if (raw.endsWith('/bytes')) {
      response.setHeader('Content-Type', 'application/octet-stream')
      response.end(body)
      return
    }
    const { method, headers } = request
    const seen = { method, path: decodeURIComponent(raw), query, headers, body: body.toString('base64') }
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(seen))
  })
}

app.handle = app // what serverless-express knows an application by

const handler = adapter === 'serverless-http'
  ? load('serverless-http')(app, { binary: ['application/octet-stream'] })
  : load('@vendia/serverless-express')({ app, binarySettings: { contentTypes: ['application/octet-stream'] } })

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`
while (true) {
  const next = await fetch(`${api}/next`)
  const id = next.headers.get('lambda-runtime-aws-request-id')
  const event = await next.json()
  try {
    const result = await handler(event, { awsRequestId: id })
    await fetch(`${api}/${id}/response`, { method: 'POST', body: JSON.stringify(result) })
  } catch (error) {
    console.error(error)
    const document = { errorType: error.name, errorMessage: error.message }
    await fetch(`${api}/${id}/error`, { method: 'POST', body: JSON.stringify(document) })
  }
}
