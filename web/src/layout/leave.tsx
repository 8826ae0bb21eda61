import { answer, useLeaving } from '../drafts/guard'
import { useTranslation } from '../i18n/setup'
import { Button } from '../parts/button'
import { Modal } from '../ui/modal'

/** Asks before a page with unsent text is left. */
export function Leave() {
  const { t } = useTranslation()
  const keeps = useLeaving(({ leaving }) => leaving?.keeps)
  return (
    <Modal title={t('leave.title')} onClose={() => answer('stay')}>
      <p className="mb-6">{keeps ? t('leave.text') : t('leave.textSignOut')}</p>
      <div className="flex flex-wrap justify-end gap-3">
        <Button look="danger" onClick={() => answer('discard')}>
          {t('leave.discard')}
        </Button>
        {keeps && <Button onClick={() => answer('keep')}>{t('leave.keep')}</Button>}
        <Button look="primary" onClick={() => answer('stay')}>
          {t('leave.stay')}
        </Button>
      </div>
    </Modal>
  )
}
