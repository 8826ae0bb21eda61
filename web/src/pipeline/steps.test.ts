import { describe, expect, it } from 'vitest'
import type { Job, VersionDetail } from '../api/types'
import type { NanoEvent } from './events'
import { currentStep, isMoving, moderatorsReason, steps } from './steps'

const T0 = '2026-11-22T10:00:00.000Z'

function job(kind: string, state: string, more: Partial<Job> = {}): Job {
  const none = {
    started_at: null,
    finished_at: null,
    wait_ms: null,
    run_ms: null,
    error: null,
    progress: null,
  }
  return { id: kind, kind, state, runs: 1, failures: 0, created_at: T0, ...none, ...more }
}

function version(state: VersionDetail['state'], ...pipeline: Job[]): VersionDetail {
  const none = { size: null, sha256: null, published_at: null, manifest: null }
  return { id: 'v', number: 1, semver: '1.0.0', changelog: '', state, created_at: T0, ...none, pipeline }
}

function event(seq: number, kind: string, data: NanoEvent['data'] = {}, at = T0): NanoEvent {
  return { seq, kind, data, created_at: at }
}

const states = (version: VersionDetail, events: NanoEvent[] = []) =>
  steps(version, events).map((step) => step.state)

describe('steps', () => {
  it('follow the jobs', () => {
    const running = version(
      'processing',
      job('validate_archive', 'completed', { wait_ms: 3, run_ms: 40 }),
      job('make_thumbnails', 'running', { started_at: T0, progress: { done: 30, total: 120, note: '' } }),
      job('scan_content', 'retryable', { runs: 2 }),
      job('review_nano', 'waiting', { runs: 0 }),
    )
    const all = steps(running, [])
    expect(all.map((step) => step.state)).toEqual([
      'done',
      'done',
      'running',
      'retrying',
      'upcoming',
      'upcoming',
      'upcoming',
    ])
    expect(all[1]).toMatchObject({ waitMs: 3, runMs: 40 })
    expect(all[2]).toMatchObject({ progress: 0.25, runningSince: T0, runMs: undefined })
    expect(currentStep(all)?.kind).toBe('make_thumbnails')
    expect(isMoving(running, all)).toBe(true)
  })

  it('end where a version was rejected', () => {
    const refused = version('rejected', job('validate_archive', 'completed'))
    refused.report = { accepted: false, content_checked: false, findings: [] }
    expect(states(refused)).toEqual(['done', 'refused', ...Array<string>(5).fill('skipped')])
    expect(isMoving(refused, steps(refused, []))).toBe(false)
    const judged = version('rejected', job('validate_archive', 'completed'), job('review_nano', 'completed'))
    judged.report = { accepted: true, content_checked: true, findings: [] }
    expect(states(judged)).toEqual(['done', 'done', 'skipped', 'skipped', 'refused', 'skipped', 'skipped'])
  })

  it('wait for a person without looking busy', () => {
    const waiting = version('pending_review', job('review_nano', 'completed'))
    const all = steps(waiting, [])
    expect(currentStep(all)).toMatchObject({ kind: 'review_nano', state: 'review' })
    expect(isMoving(waiting, all)).toBe(false)
  })

  it('tell from the events when search has it', () => {
    const published = version('published', job('publish_nano', 'completed'))
    const events = [
      event(1, 'indexed'),
      event(2, 'published', { version_id: 'v' }),
      event(3, 'indexed', {}, '2026-11-22T10:00:00.250Z'),
    ]
    expect(states(published, events.slice(0, 2)).at(-1)).toBe('waiting')
    expect(steps(published, events).at(-1)).toMatchObject({ state: 'done', waitMs: 250 })
  })

  it('show the newest job of a kind, and that one was given up', () => {
    const again = version('processing', job('scan_content', 'completed'), job('scan_content', 'discarded'))
    expect(states(again)[3]).toBe('failed')
  })
})

it('a moderator’s reason belongs to one version', () => {
  const rejected = version('rejected')
  const events = [
    event(1, 'rejected', { version_id: 'older', by: 'moderator', reason: 'no' }),
    event(2, 'rejected', { version_id: 'v', reason: 'The file does not keep the rules' }),
  ]
  expect(moderatorsReason(rejected, events)).toBeUndefined()
  events.push(event(3, 'rejected', { version_id: 'v', by: 'moderator', reason: 'Bitte Quelle nennen' }))
  expect(moderatorsReason(rejected, events)).toBe('Bitte Quelle nennen')
})
