// Common emoji by their shortcodes.

const table =
  "smile😄 grin😁 joy😂 rofl🤣 slight_smile🙂 upside_down🙃 wink😉 blush😊 innocent😇 heart_eyes😍 kissing_heart😘 yum😋 stuck_out_tongue😛 " +
  "thinking🤔 raised_eyebrow🤨 neutral_face😐 expressionless😑 no_mouth😶 smirk😏 unamused😒 eye_roll🙄 grimacing😬 relieved😌 pensive😔 sleepy😪 " +
  "sleeping😴 mask😷 dizzy_face😵 exploding_head🤯 cowboy🤠 partying🥳 sunglasses😎 nerd🤓 confused😕 worried😟 frowning☹️ open_mouth😮 flushed😳 " +
  "pleading🥺 cry😢 sob😭 scream😱 disappointed😞 sweat😓 sweat_smile😅 weary😩 tired😫 yawning🥱 triumph😤 rage😡 skull💀 poop💩 clown🤡 ghost👻 " +
  "alien👽 robot🤖 wave👋 raised_hand✋ ok_hand👌 pinch🤏 v✌️ crossed_fingers🤞 metal🤘 point_left👈 point_right👉 point_up👆 point_down👇 +1👍 " +
  "thumbsup👍 -1👎 thumbsdown👎 fist✊ punch👊 clap👏 raised_hands🙌 handshake🤝 pray🙏 muscle💪 eyes👀 brain🧠 heart❤️ orange_heart🧡 " +
  "yellow_heart💛 green_heart💚 blue_heart💙 purple_heart💜 black_heart🖤 white_heart🤍 broken_heart💔 sparkling_heart💖 100💯 boom💥 " +
  "speech_balloon💬 zzz💤 fire🔥 sparkles✨ star⭐ star2🌟 zap⚡ sun☀️ cloud☁️ rain🌧️ snowflake❄️ rainbow🌈 ocean🌊 earth🌍 moon🌙 seedling🌱 " +
  "tree🌳 cactus🌵 clover🍀 rose🌹 tulip🌷 sunflower🌻 dog🐶 cat🐱 mouse🐭 rabbit🐰 fox🦊 bear🐻 panda🐼 frog🐸 monkey🐵 see_no_evil🙈 hear_no_evil🙉 speak_no_evil🙊 " +
  "penguin🐧 bird🐦 duck🦆 owl🦉 unicorn🦄 bee🐝 bug🐛 butterfly🦋 snail🐌 turtle🐢 snake🐍 octopus🐙 whale🐳 dolphin🐬 fish🐟 apple🍎 banana🍌 " +
  "grapes🍇 strawberry🍓 peach🍑 avocado🥑 bread🍞 cheese🧀 pizza🍕 burger🍔 fries🍟 taco🌮 sushi🍣 ramen🍜 rice🍚 dumpling🥟 cake🍰 birthday🎂 cookie🍪 " +
  "chocolate🍫 coffee☕ tea🍵 beer🍺 beers🍻 wine🍷 champagne🍾 tropical_drink🍹 soccer⚽ basketball🏀 tennis🎾 trophy🏆 medal🏅 dart🎯 game🎮 dice🎲 " +
  "art🎨 guitar🎸 musical_note🎵 headphones🎧 mic🎤 movie🎬 car🚗 bus🚌 train🚆 bike🚲 airplane✈️ rocket🚀 ship🚢 house🏠 office🏢 school🏫 hospital🏥 " +
  "watch⌚ phone📱 laptop💻 keyboard⌨️ computer🖥️ camera📷 bulb💡 flashlight🔦 battery🔋 plug🔌 moneybag💰 gem💎 wrench🔧 hammer🔨 tools🛠️ gear⚙️ " +
  "link🔗 lock🔒 unlock🔓 key🔑 bell🔔 mute🔕 gift🎁 balloon🎈 tada🎉 confetti🎊 ribbon🎀 email📧 package📦 memo📝 calendar📅 chart📈 pushpin📌 paperclip📎 " +
  "books📚 book📖 newspaper📰 scissors✂️ trash🗑️ mag🔍 hourglass⏳ alarm⏰ check✅ white_check_mark✅ x❌ question❓ exclamation❗ warning⚠️ no_entry⛔ " +
  "recycle♻️ construction🚧 rotating_light🚨 checkered_flag🏁 white_flag🏳️ heavy_plus➕ arrow_right➡️ arrow_left⬅️ arrow_up⬆️ arrow_down⬇️ " +
  "red_circle🔴 green_circle🟢 blue_circle🔵 yellow_circle🟡 shipit🐿️ shrug🤷 facepalm🤦 ok🆗 new🆕 sos🆘 infinity♾️";

/** Shortcodes and what they stand for, in the order of the table. @type {Map<string, string>} */
export const emoji = new Map(
  table.split(" ").map((entry) => {
    const cut = /^[+-]?\w+/.exec(entry)?.[0].length ?? 0;
    // A name may end in digits ("100", "star2"), an emoji never begins with one here.
    return [entry.slice(0, cut), entry.slice(cut)];
  }),
);

/** What one reacts with most. */
export const frequent = ["👍", "❤️", "😂", "🎉", "😮", "🙏", "👀", "✅"];

/** Names that begin with a text first, then those that hold it. @param {string} text @param {number} [limit] @returns {[string, string][]} */
export function findEmoji(text, limit = 8) {
  const wanted = text.toLowerCase();
  const all = [...emoji];
  const starts = all.filter(([name]) => name.startsWith(wanted));
  const holds = all.filter(([name]) => !name.startsWith(wanted) && name.includes(wanted));
  const seen = new Set();
  return [...starts, ...holds].filter(([, e]) => !seen.has(e) && seen.add(e)).slice(0, limit);
}

/** Puts emoji in the place of their shortcodes, but not inside code. @param {string} text */
export function withEmoji(text) {
  return text.replace(/```[\s\S]*?```|`[^`\n]*`|(?<![\p{L}\p{N}:]):([+-]?\w+):/gu, (all, name) => (name && emoji.get(name)) ?? all);
}
