// The function: gets its event, and the headers that came with it; what it returns is the response as JSON.
"use strict";

exports.handler = async (event, headers) => {
  console.log("the deadline is", headers["lambda-runtime-deadline-ms"]);
  return { "you sent": event };
};
