//! Sound as text, by the same door as every other question.

use std::sync::Arc;

use kith_kernel::Result;
use kith_llm::{Audio, Target};
use kith_platform::Ctx;

use crate::{Capability, Gateway, told, wanted::Wanted};

impl Gateway {
    /// What was said in a file. Personal data in sound cannot be masked: it leaves as it is.
    ///
    /// # Errors
    /// As [`Gateway::ask`].
    pub async fn transcribe(self: &Arc<Self>, ctx: &Ctx, audio: &Audio) -> Result<String> {
        let (wanted, usage) = (Wanted::default(), audio.expected());
        let capability = Capability::Transcription;
        let desk = self.desk_for(ctx, &wanted).await?;
        let targets = self.targets(ctx, &desk, (capability, &wanted, usage)).await?;
        let targets: Arc<[Target]> = targets.into();
        let mut account = self.account(ctx, capability, (Arc::clone(&targets), usage));
        if desk.is_limited {
            self.reserve(&mut account, (usage.prompt_tokens, Some(0))).await?;
        }
        let outcome = Box::pin(self.caller.transcribe(audio, &targets)).await;
        account.close(outcome.legs);
        outcome.answer.map_err(|failure| told(&failure))
    }
}
