import { lazy, Suspense, type ComponentType, type ReactNode } from 'react'
import { useTranslation } from '../i18n/setup'
import { Button } from '../parts/button'
import { Notice } from '../parts/notice'

/** Something that comes after its page. Where its program cannot be had, the page stays, and its place says so. */
export function part<P extends object>(load: () => Promise<ComponentType<P>>, fallback?: ReactNode) {
  const Part = lazy<ComponentType<P>>(async () => ({ default: await load().catch(() => Lost) }))
  return function Later(props: P) {
    return (
      <Suspense fallback={fallback}>
        <Part {...props} />
      </Suspense>
    )
  }
}

function Lost() {
  const { t } = useTranslation()
  return (
    <Notice tone="warn">
      <p>{t('common.partLost')}</p>
      <Button onClick={() => location.reload()}>{t('crash.reload')}</Button>
    </Notice>
  )
}
