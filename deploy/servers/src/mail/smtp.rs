//! One SMTP session (RFC 5321) with STARTTLS (RFC 3207) and AUTH PLAIN and LOGIN (RFC 4954).

use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use super::{Faults, PASSWORD, Step, USER, store::Store};

/// Bytes of one mail; announced by the SIZE extension.
const LARGEST_MAIL: usize = 25 * 1024 * 1024;
/// Bytes of a command line, its ending included; longer than RFC 5321 allows because of AUTH.
const LONGEST_LINE: usize = 12 * 1024;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

type Stream = BufReader<Box<dyn Wire>>;

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

pub struct Session {
    store: Arc<Store>,
    faults: watch::Receiver<Faults>,
    tls: TlsAcceptor,
    secure: bool,
    logged_in: bool,
    envelope: Envelope,
}

impl Session {
    pub fn new(store: Arc<Store>, faults: watch::Receiver<Faults>, tls: TlsAcceptor) -> Self {
        Self { store, faults, tls, secure: false, logged_in: false, envelope: Envelope::default() }
    }

    pub async fn run(mut self, stream: TcpStream) -> io::Result<()> {
        let mut stream: Stream = BufReader::new(Box::new(stream));
        if self.refused() {
            return say(&mut stream, "421 4.3.2 not accepting mail").await;
        }
        self.stall(&mut stream, |faults| faults.stall_at == Some(Step::Greeting)).await?;
        say(&mut stream, "220 localhost mail catcher").await?;
        while let Some(line) = read_line(&mut stream).await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let step = match verb.to_ascii_uppercase().as_str() {
                "MAIL" => Some(Step::Mail),
                "RCPT" => Some(Step::Recipient),
                "DATA" => Some(Step::Data),
                _ => None,
            };
            self.stall(&mut stream, |faults| step.is_some() && faults.stall_at == step).await?;
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" | "HELO" => self.hello(&mut stream, verb).await?,
                "STARTTLS" if self.secure => say(&mut stream, "503 5.5.1 already encrypted").await?,
                "STARTTLS" => {
                    // What the client sent before the handshake must not count after it (RFC 3207, section 4.2).
                    if !stream.buffer().is_empty() {
                        return say(&mut stream, "421 4.7.0 commands sent before the TLS handshake").await;
                    }
                    say(&mut stream, "220 2.0.0 ready").await?;
                    stream = BufReader::new(Box::new(self.tls.accept(stream.into_inner()).await?));
                    self.secure = true;
                    self.envelope = Envelope::default();
                }
                "AUTH" => self.login(&mut stream, rest).await?,
                "MAIL" if self.refused() => return say(&mut stream, "421 4.3.2 not accepting mail").await,
                "MAIL" if !self.logged_in => say(&mut stream, "530 5.7.0 log in first").await?,
                "MAIL" => self.mail(&mut stream, rest).await?,
                "RCPT" => self.recipient(&mut stream, rest).await?,
                "DATA" if self.envelope.to.is_empty() => say(&mut stream, "503 5.5.1 no recipient").await?,
                "DATA" => self.data(&mut stream).await?,
                "RSET" => {
                    self.envelope = Envelope::default();
                    say(&mut stream, "250 2.0.0 forgotten").await?;
                }
                "NOOP" => say(&mut stream, "250 2.0.0 fine").await?,
                "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
                _ => say(&mut stream, "500 5.5.2 unknown command").await?,
            }
        }
        Ok(())
    }

    fn refused(&self) -> bool {
        self.faults.borrow().refuse
    }

    async fn hello(&mut self, stream: &mut Stream, verb: &str) -> io::Result<()> {
        self.envelope = Envelope::default();
        if verb.eq_ignore_ascii_case("HELO") {
            return say(stream, "250 localhost").await;
        }
        let security = if self.secure { "AUTH PLAIN LOGIN" } else { "STARTTLS" };
        let size = format!("SIZE {LARGEST_MAIL}");
        let utf8 = if self.faults.borrow().ascii_only { "" } else { "250-SMTPUTF8\r\n" };
        let answer = ["250-localhost", "250-8BITMIME", "250-ENHANCEDSTATUSCODES"].join("\r\n");
        say(stream, &format!("{answer}\r\n{utf8}250-{size}\r\n250 {security}")).await
    }

    async fn login(&mut self, stream: &mut Stream, rest: &str) -> io::Result<()> {
        if !self.secure {
            return say(stream, "538 5.7.11 encrypt first").await;
        }
        let (mechanism, initial) =
            rest.split_once(' ').map_or((rest, None), |(mechanism, initial)| (mechanism, Some(initial)));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let answer = challenge(stream, initial, "").await?;
                let mut words = answer.split('\0').skip(1).map(str::to_owned);
                (words.next().unwrap_or_default(), words.next().unwrap_or_default())
            }
            "LOGIN" => {
                let user = challenge(stream, initial, "VXNlcm5hbWU6").await?;
                (user, challenge(stream, None, "UGFzc3dvcmQ6").await?)
            }
            _ => return say(stream, "504 5.5.4 unknown mechanism").await,
        };
        self.logged_in = given == (USER.to_owned(), PASSWORD.to_owned());
        say(stream, if self.logged_in { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" }).await
    }

    async fn mail(&mut self, stream: &mut Stream, rest: &str) -> io::Result<()> {
        let Some((from, parameters)) = address(rest, "FROM:") else {
            return say(stream, "501 5.5.4 expected MAIL FROM:<address>").await;
        };
        let size = parameters.split(' ').find_map(|word| word.strip_prefix("SIZE=")).and_then(|size| size.parse().ok());
        if size.is_some_and(|size: usize| size > LARGEST_MAIL) {
            return say(stream, "552 5.3.4 too large").await;
        }
        self.envelope = Envelope { from: Some(from), to: Vec::new() };
        say(stream, "250 2.1.0 ok").await
    }

    async fn recipient(&mut self, stream: &mut Stream, rest: &str) -> io::Result<()> {
        match address(rest, "TO:") {
            _ if self.envelope.from.is_none() => say(stream, "503 5.5.1 MAIL first").await,
            Some((to, _)) if self.faults.borrow().put_off => {
                say(stream, &format!("451 4.7.1 <{to}> greylisted, come back later")).await
            }
            Some((to, _)) if !to.is_empty() => {
                self.envelope.to.push(to);
                say(stream, "250 2.1.5 ok").await
            }
            _ => say(stream, "501 5.5.4 expected RCPT TO:<address>").await,
        }
    }

    async fn data(&mut self, stream: &mut Stream) -> io::Result<()> {
        say(stream, "354 end with a line that is a single dot").await?;
        let Some(raw) = read_mail(stream).await? else {
            self.envelope = Envelope::default();
            return say(stream, "552 5.3.4 too large").await;
        };
        let envelope = std::mem::take(&mut self.envelope);
        let kept = self.store.add(envelope.from.unwrap_or_default(), envelope.to, raw);
        self.stall(stream, |faults| faults.stall_after_data).await?;
        match kept {
            Ok(number) => say(stream, &format!("250 2.0.0 kept as {number}")).await,
            Err(error) => say(stream, &format!("451 4.3.0 {error}")).await,
        }
    }

    /// Says nothing as long as the fault is set; ends when the client gives up.
    async fn stall(&mut self, stream: &mut Stream, fault: impl Fn(&Faults) -> bool) -> io::Result<()> {
        if !fault(&self.faults.borrow()) {
            return Ok(());
        }
        let answering = self.faults.wait_for(|faults| !fault(faults));
        tokio::select! {
            _ = answering => Ok(()),
            closed = stream.read_u8() => Err(closed.err().unwrap_or_else(|| ErrorKind::InvalidData.into())),
        }
    }
}

/// The client's answer, decoded: the one it gave with the command, else the one to `prompt`.
async fn challenge(stream: &mut Stream, initial: Option<&str>, prompt: &str) -> io::Result<String> {
    let answer = match initial {
        Some(initial) => initial.to_owned(),
        None => {
            say(stream, &format!("334 {prompt}")).await?;
            read_line(stream).await?.unwrap_or_default()
        }
    };
    let bytes = STANDARD.decode(answer.trim()).unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `FROM:<a@b> SIZE=1` gives `a@b` and `SIZE=1`.
fn address<'a>(rest: &'a str, keyword: &str) -> Option<(String, &'a str)> {
    let (word, rest) = rest.split_at_checked(keyword.len())?;
    let rest = rest.trim_start().strip_prefix('<').filter(|_| word.eq_ignore_ascii_case(keyword))?;
    let (address, parameters) = rest.split_once('>')?;
    Some((address.to_owned(), parameters.trim_start()))
}

async fn say(stream: &mut Stream, answer: &str) -> io::Result<()> {
    stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    stream.flush().await
}

/// Without its ending; None at the end of the stream.
async fn read_line(stream: &mut Stream) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = stream.take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await?;
    match read {
        0 => Ok(None),
        _ if line.last() != Some(&b'\n') => Err(ErrorKind::InvalidData.into()),
        _ => Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned())),
    }
}

/// The mail without the dots that were put in front of lines that begin with one; None when it is too large.
async fn read_mail(stream: &mut Stream) -> io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    let mut fits = true;
    loop {
        let mut line = Vec::new();
        let read = stream.take(LARGEST_MAIL as u64).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" || line == b".\n" {
            return Ok(fits.then_some(mail));
        }
        let text = line.strip_prefix(b".").unwrap_or(&line);
        fits = fits && mail.len() + text.len() <= LARGEST_MAIL;
        match fits {
            true => mail.extend_from_slice(text),
            false => mail = Vec::new(),
        }
    }
}
