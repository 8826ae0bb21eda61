//! Typed identifiers of the marketplace. All are UUID v7, so they sort by creation time.

words::ids! {
    /// A person with an account.
    UserId;
    /// A learning unit.
    NanoId;
    /// One immutable version of a nano's file.
    VersionId;
    /// One upload of a file, finished or not.
    UploadId;
    /// A moderation case.
    CaseId;
    /// What somebody thinks of a nano.
    RatingId;
    /// A list of nanos that somebody keeps.
    ListId;
    /// Something that somebody is told of in the app.
    NotificationId;
    /// A search that somebody keeps.
    SavedSearchId;
    /// A category of the catalogue.
    CategoryId;
    /// The intent to send one mail.
    DeliveryId;
    /// A personal access token.
    TokenId;
    /// A passkey.
    PasskeyId;
    /// One agreement of a person.
    ConsentId;
    /// What somebody asks about their own data.
    DataRequestId;
    /// A chat of two people about a nano.
    ChatId;
    /// A message of a chat, as its sender names it.
    MessageId;
    /// A report about a message.
    ReportId;
    /// An address that somebody has told of what happens to their nanos.
    WebhookId;
    /// What an endpoint's messages are signed with.
    WebhookSecretId;
    /// Something that endpoints are told of. Receivers know a repeat by it.
    WebhookEventId;
    /// The telling of one endpoint of one event.
    WebhookDeliveryId;
}
