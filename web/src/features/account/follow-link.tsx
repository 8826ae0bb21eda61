import { QueryClient, useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useSearchParams } from 'react-router'
import { describe, isPassing } from '../../api/failure'
import { FailureNotice, Notice } from '../../parts/notice'
import { Page, Panel } from '../../parts/page'
import { useTexts } from './texts'

/** Of their own: the site's are forgotten when another person, or nobody, is signed in, and a link is followed once. */
const links = new QueryClient()

interface FollowLinkProps {
  /** Which link; a token works once, and is sent once for each kind. */
  kind: string
  /** Does what the link is for. */
  follow: (token: string) => Promise<unknown>
  done: ReactNode
  /** Where to get another one. */
  useless: ReactNode
}

/** Where a link in a mail leads that confirms an address: it is followed at once. */
export function FollowLink({ kind, follow, done, useless }: FollowLinkProps) {
  const { t } = useTexts()
  const [params] = useSearchParams()
  const token = params.get('token') ?? ''
  // A query, not an effect: a token works once, and queries with the same key are sent once.
  const { data, error, isFetching, refetch } = useQuery(
    {
      queryKey: [kind, token],
      queryFn: async () => {
        await follow(token)
        return true
      },
      enabled: token !== '',
      staleTime: Infinity,
      gcTime: Infinity,
      retry: false,
    },
    links,
  )
  const invalid = error && describe(error).code === 'LINK_INVALID'
  return (
    <Page title={t('link.verifyTitle')} narrow>
      <Panel>
        <div className="space-y-5">
          {isFetching && <p role="status">{t('link.verifying')}</p>}
          {data && done}
          {!isFetching && (token === '' || invalid) && (
            <>
              <Notice tone="warn" urgent>
                {token === '' ? t('link.noToken') : t('link.invalid')}
              </Notice>
              {useless}
            </>
          )}
          {!isFetching && error && !invalid && (
            <FailureNotice error={error} retry={isPassing(error) ? () => void refetch() : undefined} />
          )}
        </div>
      </Panel>
    </Page>
  )
}
