import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

/** Where the API listens; the pages and the API share one origin, here by proxy, in production by the CDN. */
const api = process.env.API_URL ?? 'http://127.0.0.1:8000'
const host = '127.0.0.1'
const proxy = { '/api': api, '/docs': api, '/health': api }

export default defineConfig({
  plugins: [react(), tailwindcss()],
  server: { host, port: Number(process.env.PORT ?? 5173), proxy },
  preview: { host, port: Number(process.env.PORT ?? 4173), strictPort: true, proxy },
  // The worker of the archive check is a module that imports others.
  worker: { format: 'es' },
  build: { modulePreload: { polyfill: false } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
