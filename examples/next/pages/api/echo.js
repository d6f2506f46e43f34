export const config = { api: { bodyParser: false } };

export default function handler(request, response) {
  return new Promise((resolve) => request.pipe(response).on("close", resolve));
}
